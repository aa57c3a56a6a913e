package guest

import "testing"

func TestReadable(t *testing.T) {
	t.Parallel()
	for symbol, want := range map[string]string{
		"_RNvNtCseCDu8K6EY8h_3std5alloc8rust_oom":                                                                        "std::alloc::rust_oom",
		"_RNCNvNtCseCDu8K6EY8h_3std5alloc8rust_oom0B5_":                                                                  "std::alloc::rust_oom::{closure}",
		"_RNvCsfgHYwM92fyn_7___rustc26___rust_alloc_error_handler":                                                       "__rustc::__rust_alloc_error_handler",
		"_RINvNtNtCseCDu8K6EY8h_3std3sys9backtrace26___rust_end_short_backtraceNCNvNtB6_9panicking13panic_handler0zEB6_": "std::sys::backtrace::__rust_end_short_backtrace",
		"_RNvXs_NtCs4fqI2P2rA04_5upper4codeNtB4_5DraftNtNtCs1_4core3fmt7Display3fmt":                                     "upper::code::Draft::core::fmt::Display::fmt",
		"_ZN3std7process5abort17h0123456789abcdefE":                                                                      "std::process::abort",
		"_ZN4core3fmt5Write9write_fmt17h2d2b2f5d0c1a9e8fE":                                                               "core::fmt::Write::write_fmt",
		"_ZN79_$LT$wasmflow..guest..Each$LT$S$C$I$C$F$GT$$u20$as$u20$wasmflow..guest..Run$GT$5batch17h445a284438732823E": "<wasmflow::guest::Each<S,I,F> as wasmflow::guest::Run>::batch",
		"_ZN3std2rt10lang_start28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE":                                       "std::rt::lang_start::{{closure}}",
		"main.transform":     "main.transform",
		"wasmflow_transform": "wasmflow_transform",
		"_R":                 "_R",
		"_RNvC9x":            "_RNvC9x",
		"_RNvCs":             "_RNvCs",
		"_ZN3st":             "_ZN3st",
		"_ZN3std":            "_ZN3std",
		"_ZNE":               "_ZNE",
		"_RNvC99999999999a":  "_RNvC99999999999a",
	} {
		if got := readable(symbol); got != want {
			t.Errorf("%s: got %s, want %s", symbol, got, want)
		}
	}
}
