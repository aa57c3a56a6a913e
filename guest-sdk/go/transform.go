package wasmflow

import (
	"runtime"
	"unsafe"
)

// Transform registers f as the guest's transform. It is called for each record, in offset order.
//
// An error refuses the record, and undoes what f sent from it; a panic traps the whole batch. A record from which nothing
// was sent is dropped. Call Transform in func init(): a module of this kind never runs main.
func Transform(f func(in Record, out *Output) error) {
	instance.each, instance.whole = f, nil
	instance.transforms++
}

// TransformBatch registers f as the guest's transform, like Transform, to be called for each batch. An error traps the
// batch; to refuse one record of it, call Output.Refuse. A batch may be empty.
func TransformBatch(f func(in Batch, out *Output) error) {
	instance.each, instance.whole = nil, f
	instance.transforms++
}

// Init registers f, which is called once, before the first record: the place for Out and for the configuration. An error
// makes the pipeline fail to start with that text. Call Init in func init(), like Transform.
//
// What f and the transform keep in variables is a cache: the host starts a fresh instance after every error and for every
// worker.
func Init(f func(c Config) error) {
	instance.start = f
	instance.starts++
}

// instance is the guest: a module has one memory, so its SDK has one of these.
var instance = guest{record: noRecord}

// guest is all that the SDK keeps from call to call. The host runs one call at a time.
type guest struct {
	each               func(Record, *Output) error
	whole              func(Batch, *Output) error
	start              func(Config) error
	transforms, starts int // how often they were registered

	record uint32 // index of the one that the transform is at: the host reads it after a trap

	room     []uint64 // what alloc gave the host; words, to be 8-byte aligned
	in       *input
	output   Output
	settings *settings // while init runs
}

// alloc makes room for an image of n bytes, kept until the next alloc.
func (g *guest) alloc(n uint32) []byte {
	words := max(512, (int(n)+7)/8)
	if len(g.room) < words {
		old := len(g.room) * 8
		g.room = nil // first, so that the old room does not have to fit in memory beside the new one
		collect(old)
		g.room = make([]uint64, words+words/8)
	}
	return g.bytes(n)
}

// collect frees what is garbage before a large buffer is replaced. Left alone, the collector would wait until the heap is
// twice as large, and run into the instance's memory limit first: it knows of none.
func collect(size int) {
	if size >= 1<<20 {
		runtime.GC()
	}
}

// bytes are the first n of the room.
func (g *guest) bytes(n uint32) []byte {
	if int(n) > len(g.room)*8 {
		panic(badInput("length", uint64(n)))
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(g.room))), n)
}

// init reads the settings image and runs Init's function. The text is why it failed, "" if it did not.
func (g *guest) init(image []byte) (text string) {
	switch {
	case g.transforms == 0:
		return "the guest registers no transform: call wasmflow.Transform in func init(), since main never runs"
	case g.transforms > 1:
		return "the guest registers more than one transform: call wasmflow.Transform or TransformBatch once"
	case g.starts > 1:
		return "the guest registers more than one init: call wasmflow.Init once"
	}
	s, err := parseSettings(image)
	if err != nil {
		return err.Error()
	}
	if g.start == nil {
		return ""
	}
	g.settings = s
	defer func() { g.settings = nil }()
	err = g.start(Config{s})
	switch {
	case s.wrong != "":
		text = s.wrong
	case err == nil:
		return ""
	default:
		text = err.Error()
	}
	if text == "" {
		return "init failed without a reason"
	}
	return cut(text, maxText)
}

// transform runs a batch. The result is in g.output, valid until the next call. What traps the batch is a panic.
func (g *guest) transform(image []byte) {
	in, out := &input{}, &g.output
	if g.in != nil {
		in.topic = g.in.topic
		g.in.close()
	}
	g.in = in
	if err := in.open(image); err != nil {
		panic(err)
	}
	if g.whole != nil {
		out.begin(in, false)
		if err := g.whole(Batch{in}, out); err != nil {
			panic(batchError{err})
		}
		out.end()
		return
	}
	out.begin(in, true)
	f := g.each
	for i := range in.n {
		if flags := in.row(i).flags; flags&^knownRowFlags != 0 {
			panic(badInput("record flags", uint64(flags)))
		}
		r := Record{in, i}
		g.record = uint32(i)
		out.next(i)
		if err := f(r, out); err != nil {
			out.dropDraft()
			out.Refuse(r, err)
		}
		out.done()
	}
	g.record = noRecord
	out.end()
}

const noRecord = 1<<32 - 1

// batchError is an error of TransformBatch's function, on its way to the host as a trap.
type batchError struct{ err error }

func (e batchError) Error() string { return "the batch failed: " + e.err.Error() }
