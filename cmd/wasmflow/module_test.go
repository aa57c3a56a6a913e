package main

import (
	"encoding/binary"
	"slices"
	"testing"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// modules are small modules, assembled here, by kind.
var modules = map[string][]byte{
	"drop":             assemble(abi.ExportMarker, "", ""),
	"no-marker":        assemble("hello", "", ""),
	"abi-v9":           assemble(abi.ExportMarkerPrefix+"9", "", ""),
	"forbidden-import": assemble(abi.ExportMarker, "env", ""),
	"init-error":       assemble(abi.ExportMarker, "", "output \"rejected\" is not declared"),
	"not-wasm":         []byte("#!/bin/sh\necho hello\n"),
	"truncated":        assemble(abi.ExportMarker, "", "")[:40],
}

// assemble makes a module that drops every record. It exports marker; it imports a function of importModule, and its init
// fails with initError, where they are not empty.
func assemble(marker, importModule, initError string) []byte {
	const headerAt, errorAt = 64, 256
	header := binary.LittleEndian.AppendUint32(nil, 0x31524657) // "WFR1", no records: abi/SPEC.md, "Result image".
	header = binary.LittleEndian.AppendUint16(header, 64)
	header = binary.LittleEndian.AppendUint16(header, 48)
	header = append(header, make([]byte, 64-len(header))...)
	var initResult uint64
	if initError != "" {
		initResult = errorAt<<32 | uint64(len(initError))
	}

	const i32, i64 = 0x7f, 0x7e
	m := []byte("\x00asm\x01\x00\x00\x00")
	m = section(m, 1, 3, []byte{0x60, 0, 0}, []byte{0x60, 1, i32, 1, i32}, []byte{0x60, 2, i32, i32, 1, i64})
	first := byte(0) // The index of the first function of the module's own.
	if importModule != "" {
		first = 1
		m = section(m, 2, 1, str(importModule), str("open"), []byte{0, 0})
	}
	m = section(m, 3, 4, []byte{0, 1, 2, 2})
	m = section(m, 5, 1, []byte{0, 1})
	m = section(m, 7, 5, str(abi.ExportMemory), []byte{2, 0}, str(marker), []byte{0, first},
		str(abi.ExportAlloc), []byte{0, first + 1}, str(abi.ExportInit), []byte{0, first + 2}, str(abi.ExportTransform), []byte{0, first + 3})
	m = section(m, 10, 4, body(), body(0x41, leb(4096)), body(0x42, leb(int64(initResult))), body(0x42, leb(headerAt<<32|64)))
	return section(m, 11, 2, data(headerAt, string(header)), data(errorAt, initError))
}

func section(m []byte, id, count byte, items ...[]byte) []byte {
	content := append([]byte{count}, slices.Concat(items...)...)
	return slices.Concat(m, []byte{id}, leb(int64(len(content))), content)
}

// body is a function without locals: an opcode with its operand, or nothing.
func body(code ...any) []byte {
	b := []byte{0}
	for _, c := range code {
		switch c := c.(type) {
		case int:
			b = append(b, byte(c))
		case []byte:
			b = append(b, c...)
		}
	}
	b = append(b, 0x0b)
	return append(leb(int64(len(b))), b...)
}

func data(at int64, s string) []byte {
	return slices.Concat([]byte{0, 0x41}, leb(at), []byte{0x0b}, str(s))
}

func str(s string) []byte { return append(leb(int64(len(s))), s...) }

// leb is n in signed LEB128; for sizes below 64 and, with a byte to spare, above it is the unsigned form as well.
func leb(n int64) []byte {
	var b []byte
	for {
		c := byte(n & 0x7f)
		n >>= 7
		if n == 0 && c&0x40 == 0 || n == -1 && c&0x40 != 0 {
			return append(b, c)
		}
		b = append(b, c|0x80)
	}
}

// TestModules holds the modules to what the scripts take them for.
func TestModules(t *testing.T) {
	t.Parallel()
	for kind, problems := range map[string]int{"drop": 0, "init-error": 0, "no-marker": 1, "abi-v9": 1, "forbidden-import": 1, "not-wasm": 1, "truncated": 1} {
		info, err := guest.Inspect(t.Context(), modules[kind])
		if len(info.Problems) != problems {
			t.Errorf("%s has the problems %q (%v), want %d", kind, info.Problems, err, problems)
		}
	}
}
