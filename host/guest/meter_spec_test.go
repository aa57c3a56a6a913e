package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// command is a line of a script of the specification's test suite, in the form of wast2json.
type command struct {
	Type, Name, Filename, As string
	Line                     int
	ModuleType               string `json:"module_type"`
	Action                   struct {
		Type, Field, Module string
		Args                []argument
	}
}

type argument struct {
	Type  string
	Value any
}

// words are an argument as the runtime takes it.
func (a argument) words() []uint64 {
	lanes, bits := []any{a.Value}, 64
	if list, ok := a.Value.([]any); ok {
		lanes, bits = list, 128/len(list)
	} else if strings.HasSuffix(a.Type, "32") {
		bits = 32
	}
	words := make([]uint64, max(1, bits*len(lanes)/64))
	for i, lane := range lanes {
		text, _ := lane.(string)
		v, err := strconv.ParseUint(text, 10, 64)
		if err != nil {
			signed, _ := strconv.ParseInt(text, 10, 64) // null and nan, too, are zero on both sides
			v = uint64(signed)
		}
		if bits < 64 {
			v &= 1<<bits - 1
		}
		words[i*bits/64] |= v << (i * bits % 64)
	}
	return words
}

// side runs a script, metered or not, and says what came of each line.
type side struct {
	t       testing.TB
	dir     string
	runtime wazero.Runtime
	purse   *purse // nil: not metered
	mode    meter.Mode
	named   map[string]api.Module
	last    api.Module
}

func newSide(t testing.TB, dir string, config wazero.RuntimeConfig, p *purse, mode meter.Mode) *side {
	s := &side{t: t, dir: dir, purse: p, mode: mode, named: map[string]api.Module{}}
	s.runtime = wazero.NewRuntimeWithConfig(context.Background(), config)
	if p != nil {
		p.offer(t, s.runtime)
	}
	return s
}

// load instantiates a file. A module that the meter refuses for a feature is a verdict of its own.
func (s *side) load(file, as string) (m api.Module, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	wasm, err := os.ReadFile(filepath.Join(s.dir, file))
	if err != nil {
		s.t.Fatal(err)
	}
	if s.purse != nil {
		rewritten, err := meter.Rewrite(wasm, meter.Options{Mode: s.mode, Limits: meter.Limits{TableEntries: 1 << 27}})
		var refused *meter.UnsupportedError
		if errors.As(err, &refused) {
			return nil, fmt.Errorf("unsupported: %s: %w", refused.Feature, err)
		} else if err != nil {
			return nil, err
		}
		wasm = rewritten.Wasm
	}
	return s.runtime.InstantiateWithConfig(context.Background(), wasm, wazero.NewModuleConfig().WithName(as).WithStartFunctions())
}

func (s *side) run(c command, as string) string {
	switch {
	case c.ModuleType == "text":
		return "text"
	case c.Type == "module":
		m, err := s.load(c.Filename, as)
		if err == nil {
			s.last = m
			if c.Name != "" {
				s.named[c.Name] = m
			}
		}
		return s.verdict(nil, err)
	case c.Filename != "":
		_, err := s.load(c.Filename, "")
		var refused *meter.UnsupportedError
		if err == nil || errors.As(err, &refused) {
			return s.verdict(nil, err)
		}
		return "refused"
	case c.Action.Type == "invoke" || c.Action.Type == "get":
		m := s.last
		if c.Action.Module != "" {
			m = s.named[c.Action.Module]
		}
		if m == nil {
			return "no module"
		}
		if c.Action.Type == "get" {
			return s.verdict([]uint64{m.ExportedGlobal(c.Action.Field).Get()}, nil)
		}
		var args []uint64
		for _, a := range c.Action.Args {
			args = append(args, a.words()...)
		}
		f := m.ExportedFunction(c.Action.Field)
		results, err := f.Call(context.Background(), args...)
		return s.verdict(withoutAddresses(results, f.Definition().ResultTypes()), err)
	}
	s.t.Fatalf("line %d: a command of type %s", c.Line, c.Type)
	return ""
}

func (s *side) verdict(results []uint64, err error) string {
	return fmt.Sprintf("%v %s", results, firstLine(err))
}

// spectestDir is where the runtime keeps the suite.
func spectestDir(t testing.TB) string {
	t.Helper()
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/tetratelabs/wazero").Output()
	dir := filepath.Join(strings.TrimSpace(string(out)), "internal", "integration_test", "spectest")
	if err == nil {
		_, err = os.Stat(dir)
	}
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("the runtime's module has no test suite: %v", err)
	}
	return dir
}

// The runtime's suite, which is the specification's, gives the same verdicts metered as it gives unmetered, in either mode,
// whether every check asks the host or none does. METER_SPEC=all runs all of it.
func TestMeterSpec(t *testing.T) {
	t.Parallel()
	root := spectestDir(t)
	scripts, err := filepath.Glob(filepath.Join(root, "*", "testdata", "*.json"))
	if err != nil || len(scripts) < 200 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	all := os.Getenv("METER_SPEC") == "all"
	total, features := 0, map[string]int{}
	for n, script := range scripts {
		if !all && n%16 != 0 {
			continue
		}
		total += runScript(t, root, script, all, features)
	}
	t.Logf("%d commands; refused: %v", total, features)
	if total < 1000 {
		t.Errorf("only %d commands were run", total)
	}
}

func runScript(t *testing.T, root, script string, all bool, features map[string]int) (total int) {
	text, err := os.ReadFile(script)
	if err != nil {
		t.Fatal(err)
	}
	var suite struct{ Commands []command }
	if err := json.Unmarshal(text, &suite); err != nil {
		t.Fatal(err)
	}
	type variant struct {
		config wazero.RuntimeConfig
		slice  int64
		mode   meter.Mode
	}
	compiler, interpreter := wazero.NewRuntimeConfigCompiler(), wazero.NewRuntimeConfigInterpreter()
	variants := []variant{{compiler, 0, meter.Exact}, {compiler, 1 << 20, meter.Coarse}}
	if all {
		variants = append(variants, variant{compiler, 1 << 20, meter.Exact}, variant{compiler, 0, meter.Coarse}, variant{interpreter, 0, meter.Exact})
	}
	for _, v := range variants {
		sides := []*side{
			newSide(t, filepath.Dir(script), v.config, nil, v.mode),
			newSide(t, filepath.Dir(script), v.config, &purse{budget: 1 << 60, slice: v.slice}, v.mode),
		}
		for _, s := range sides {
			wasm, err := os.ReadFile(filepath.Join(root, "testdata", "spectest.wasm"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.runtime.Instantiate(context.Background(), wasm); err != nil {
				t.Fatal(err)
			}
		}
		total += compareScript(t, script, suite.Commands, sides, features)
		for _, s := range sides {
			_ = s.runtime.Close(context.Background())
		}
	}
	return total
}

func compareScript(t *testing.T, script string, commands []command, sides []*side, features map[string]int) (total int) {
	for n, c := range commands {
		if c.Type == "register" {
			continue
		}
		as := ""
		if c.Type == "module" && n+1 < len(commands) && commands[n+1].Type == "register" {
			as = commands[n+1].As
		}
		plain, paid := sides[0].run(c, as), sides[1].run(c, as)
		total++
		if name, ok := strings.CutPrefix(paid, "[] unsupported: "); ok {
			// From here on there is nothing to compare.
			name, _, _ = strings.Cut(name, ":")
			features[name]++
			if c.Type == "module" {
				return total
			}
			continue
		}
		if plain != paid {
			t.Errorf("%s:%d: %s\nunmetered %s\nmetered   %s", filepath.Base(script), c.Line, c.Type, plain, paid)
		}
	}
	return total
}
