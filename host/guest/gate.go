package guest

import (
	"fmt"
	"strings"

	"github.com/wasmflow/wasmflow/host/guest/internal/meter"
)

// read is the gate before the runtime: it reads, checks and describes a module, and gives the one that is compiled, which pays.
func (m *Module) read(wasm []byte) (paying []byte, described bool, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = m.refused("", flat(fmt.Sprintf("it cannot be read: %v", p), maxMessage))
		}
	}()
	if len(wasm) > maxModule {
		return nil, false, m.refused("", fmt.Sprintf("%d bytes, a module may have %d", len(wasm), maxModule))
	}
	if err := preamble(wasm); err != nil {
		return nil, false, m.refused("", flat(err.Error(), maxMessage))
	}
	o := meter.Options{FixedTables: true, Custom: metadataSection, Limits: meter.Limits{
		ModuleBytes: maxModule, MemoryPages: uint32(m.config.Limits.Memory / pageSize), TableEntries: maxTableEntries,
	}}
	if m.config.Limits.FuelMode == FuelCoarse {
		o.Mode = meter.Coarse
	}
	m.key = fmt.Sprintf("%s-%s%d", m.digest, o.Mode, meter.Version)
	paid, err := meter.Rewrite(wasm, o)
	if paid.Declared == nil {
		return nil, false, m.refused("", flat(err.Error(), maxMessage))
	}
	d := declarations{paid.Declared}
	m.describe(d)
	if err == nil || paid.Declined != nil {
		if problems, offer := d.problems(m.config.Limits.Memory); len(problems) > 0 {
			return nil, true, m.refused(offer, problems...)
		}
	}
	if err != nil {
		return nil, true, m.refused("", flat(err.Error(), maxMessage))
	}
	m.paid = meter.Module{Imported: paid.Imported, Functions: paid.Functions}
	return paid.Wasm, true, nil
}

// preamble says what the bytes are where they are not a module of version 1.
func preamble(b []byte) error {
	const magic, version = "\x00asm", "\x01\x00\x00\x00"
	head := string(b[:min(len(b), 8)])
	switch {
	case head == magic+version:
		return nil
	case head == "":
		return fmt.Errorf("not WebAssembly: there are no bytes")
	case len(head) < 8 && strings.HasPrefix(magic+version, head):
		return fmt.Errorf("truncated: %d bytes, the preamble of a module alone has 8", len(b))
	case strings.HasPrefix(head, magic) && head[6] != 0:
		return fmt.Errorf("a WebAssembly component (layer %d), not a core module: build for wasm32-unknown-unknown or wasm32-wasip1, without a componentize step", head[6])
	case strings.HasPrefix(head, magic):
		return fmt.Errorf("WebAssembly of version %d; version 1 is supported", uint32(head[4])|uint32(head[5])<<8)
	case strings.HasPrefix(strings.TrimSpace(string(b[:min(len(b), 4096)])), "("):
		return fmt.Errorf("not WebAssembly but its text format: assemble it first, with wat2wasm or wasm-tools parse")
	case strings.HasPrefix(head, "\x7fELF"):
		return fmt.Errorf("not WebAssembly but a native ELF file: build for wasm32-unknown-unknown or wasm32-wasip1 (Go: GOOS=wasip1 GOARCH=wasm)")
	case strings.HasPrefix(head, "\x1f\x8b"):
		return fmt.Errorf("not WebAssembly but gzip: unpack it first")
	}
	return fmt.Errorf("not WebAssembly: begins with %q instead of %q", head[:min(len(head), 4)], magic)
}
