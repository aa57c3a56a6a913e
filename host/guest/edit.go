package guest

import "encoding/binary"

// edit replaces the bytes from to to of a module by others.
type edit struct {
	from, to int
	with     []byte
}

// sealed is the module that is compiled: the one that was given, with a maximum for every table, and without name sections
// that cannot be read. A table without a maximum could be grown to gigabytes of the host's memory, outside of the guest's, so
// it gets what it begins with as its maximum. Go declares none, and never grows its table; table.grow may fail at any time.
func (m *declarations) sealed(wasm []byte) []byte {
	if len(m.edits) == 0 {
		return wasm
	}
	out := make([]byte, 0, len(wasm)+maxTables*5)
	at := 0
	for _, e := range m.edits {
		out = append(append(out, wasm[at:e.from]...), e.with...)
		at = e.to
	}
	return append(out, wasm[at:]...)
}

// tableSection writes the table section anew, each table with its maximum.
func (m *declarations) tableSection() []byte {
	// Imported tables come first; a module that has some is refused.
	body := binary.AppendUvarint(nil, uint64(len(m.tables)))
	for _, t := range m.tables {
		body = append(body, t.elem, 1)
		body = binary.AppendUvarint(body, uint64(t.min))
		body = binary.AppendUvarint(body, uint64(t.max))
	}
	return append(binary.AppendUvarint([]byte{4}, uint64(len(body))), body...)
}

// entrySize is what an entry of a table takes in the host, in bytes.
const entrySize = 8

// tableEntries is how many entries the tables may have together.
func (m *declarations) tableEntries() (n int64) {
	for _, t := range m.tables {
		n += int64(t.max)
	}
	return n
}
