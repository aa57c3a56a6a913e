package abi

import (
	"bytes"
	"math"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"

	"github.com/google/go-cmp/cmp"
)

var wide = Limits{Records: 1000, Headers: 2000, Bytes: 1 << 20}

func encoded(t testing.TB, rows Rows) []byte {
	t.Helper()
	img, err := EncodeResult(&rows)
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestDecodeResult(t *testing.T) {
	t.Parallel()
	batch := three()
	img := encoded(t, badRows())
	decode := func(mem []byte, at, size uint32, lim Limits) (Result, error) {
		var a Arena
		return a.Decode(mem, at, size, &batch, 1, lim)
	}
	t.Run("size_63", func(t *testing.T) {
		_, err := decode(img, 0, 63, wide)
		wantField(t, err, "size")
	})
	t.Run("size_is_only_a_lower_bound", func(t *testing.T) {
		if _, err := decode(img, 0, math.MaxUint32, wide); err != nil {
			t.Error(err)
		}
	})
	t.Run("address", func(t *testing.T) {
		for _, at := range []uint32{uint32(len(img)) - 63, uint32(len(img)), math.MaxUint32, math.MaxUint32 - 63} {
			_, err := decode(img, at, 64, wide)
			wantField(t, err, "address")
		}
		_, err := decode(nil, 0, 64, wide)
		wantField(t, err, "address")
	})
	t.Run("every_prefix", func(t *testing.T) {
		for n := range img {
			if _, err := decode(img[:n:n], 0, 64, wide); err == nil {
				t.Errorf("%d of %d bytes are enough", n, len(img))
			}
		}
	})
	t.Run("limits_below_zero", func(t *testing.T) {
		for _, lim := range []Limits{{-1, 10, 100}, {10, -1, 100}, {10, 10, -1}} {
			if _, err := decode(img, 0, 64, lim); err == nil {
				t.Errorf("%+v allow something", lim)
			}
		}
		if _, err := decode(encoded(t, Rows{}), 0, 64, Limits{}); err != nil {
			t.Errorf("nothing is over a limit of nothing: %v", err)
		}
	})
	t.Run("reserved_bytes", func(t *testing.T) {
		mem := poked(img, []poke{u32(outReserved, 7), u32(60, 7), u32(imageHeaderSize+outRowReserved, 7)})
		if _, err := decode(mem, 0, 64, wide); err != nil {
			t.Errorf("reserved bytes are read: %v", err)
		}
	})
	t.Run("unused_fields", func(t *testing.T) {
		// Where a length or count says that there is nothing, or that it is the source's, offsets are not read.
		far := uint32(math.MaxUint32)
		mem := rawResult{rows: [][]byte{
			rawRow(0, 0, 0, far, -1, far, 0, far, 0, -1), rawRow(1, 0, 0, far, -2, far, -2, far, countInherit, -1), rawRow(2, 0, 2, 0, -2, far, 0, far, 0, -1),
		}}.image()
		for _, off := range []int{outHeadersAt, outRefusalsAt, outBlobAt} {
			le.PutUint32(mem[off:], far)
		}
		res, err := decode(mem, 0, 64, wide)
		if err != nil {
			t.Fatal(err)
		}
		if r := res.Records; r[0].Key != nil || r[0].Value == nil || !bytes.Equal(r[1].Value, batch.Records[1].Value) || r[2].Value == nil || len(r[2].Value) != 0 {
			t.Errorf("%+v", r)
		}
	})
}

// The bounds of what rows reach are exact: at the bound it passes (the vectors that must fail are one over it).
func TestDecodeResultAtTheLimit(t *testing.T) {
	t.Parallel()
	batch := three()
	share := rawRow(0, 0, 0, 0, -1, 0, 40, 0, 0, -1)
	inherit := rawRow(0, 0, 0, 0, -2, 0, -2, 0, countInherit, -1)
	for name, c := range map[string]struct {
		lim Limits
		raw rawResult
	}{
		"records":   {Limits{3, 0, 120}, rawResult{rows: [][]byte{share, share, share}, blob: make([]byte, 40)}},
		"inherited": {Limits{2, 4, 50}, rawResult{rows: [][]byte{inherit, inherit}}},
		"texts":     {Limits{0, 0, 80}, rawResult{refusals: slices.Concat(rawRefusal(0, 1, 0, 40), rawRefusal(1, 1, 0, 40)), blob: make([]byte, 40)}},
	} {
		var a Arena
		if _, err := a.Decode(c.raw.image(), 0, 64, &batch, 1, c.lim); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is inherited is the batch's own memory, what is given is not the guest's: the next call writes over that.
func TestDecodeResultSharing(t *testing.T) {
	t.Parallel()
	batch := three()
	batch.Records[0].Headers = append(make([]Header, 0, 9), batch.Records[0].Headers...)
	img := encoded(t, rowsOf(
		forward(0), with(1, func(r *Row) {
			r.Value, r.HeadersFrom, r.Headers = given("mine"), HeadersGiven, []Header{{"key", []byte("val")}}
		}),
		with(1, func(r *Row) { r.HeadersFrom, r.Headers = HeadersGiven, []Header{{"other", nil}} }),
		with(0, func(r *Row) { r.HeadersFrom = HeadersAfter }),
	))
	var a Arena
	res, err := a.Decode(img, 0, 64, &batch, 1, wide)
	if err != nil {
		t.Fatal(err)
	}
	r := res.Records
	if &r[0].Key[0] != &batch.Records[0].Key[0] || &r[0].Value[0] != &batch.Records[0].Value[0] || &r[0].Headers[0] != &batch.Records[0].Headers[0] {
		t.Error("inherited bytes were copied")
	}
	clear(img)
	if string(r[1].Value) != "mine" || r[1].Headers[0].Key != "key" || string(r[1].Headers[0].Value) != "val" {
		t.Errorf("given bytes are the guest's memory: %+v", r[1])
	}
	for i := range r {
		if cap(r[i].Headers) != len(r[i].Headers) {
			t.Errorf("record %d: an append to its headers would write into another's", i)
		}
	}
	if cap(r[1].Value) != len(r[1].Value) || cap(res.Records) != len(res.Records) {
		t.Error("an append would write into the arena")
	}
}

// A record that is left out leaves nothing behind in the room that the next one gets, and nothing for the next call.
func TestRefusedLeavesNothing(t *testing.T) {
	t.Parallel()
	batch := three()
	img := encoded(t, Rows{
		Records:  []Row{forward(0), with(1, func(r *Row) { r.HeadersFrom = HeadersGiven }), forward(0)},
		Refusals: []Refusal{{0, 1, "no"}},
	})
	var a Arena
	res, err := a.Decode(img, 0, 64, &batch, 1, wide)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Records) != 1 || res.Records[0].Source != 1 || res.Records[0].Headers != nil {
		t.Errorf("%+v", res.Records)
	}
	if left := res.Records[:1:1]; cap(res.Records) != 1 || left[0].Source != 1 {
		t.Error("the rest of the room can be reached")
	}
	res, err = a.Decode(encoded(t, Rows{Records: []Row{forward(0)}, Refusals: []Refusal{{1, 1, "no"}}}), 0, 64, &batch, 1, wide)
	if err != nil || len(res.Records) != 1 {
		t.Errorf("the call before refused the record: %v, %+v", err, res.Records)
	}
	native := Result{Records: []ResultRecord{{Value: []byte("a")}, {Source: 1, Value: []byte("b")}}, Refusals: []Refusal{{0, 1, "no"}}}
	if err := native.Check(&batch, 1, wide); err != nil {
		t.Fatal(err)
	}
	if rest := native.Records[:2][1]; rest.Value != nil {
		t.Errorf("behind the result still lies %+v", rest)
	}
}

// A refusal's text does not die with the arena.
func TestRefusalTextOutlivesArena(t *testing.T) {
	t.Parallel()
	batch := three()
	img := encoded(t, Rows{Refusals: []Refusal{{0, 1, "why it was refused"}}})
	var a Arena
	res, err := a.Decode(img, 0, 64, &batch, 1, wide)
	if err != nil {
		t.Fatal(err)
	}
	a.Reset()
	clear(a.Bytes(18))
	if got := res.Refusals[0].Text; got != "why it was refused" {
		t.Errorf("text is %q after the arena was reset", got)
	}
}

func TestRefusalText(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ in, want string }{
		"plain":             {"no", "no"},
		"empty":             {"", ""},
		"invalid":           {"a\xffb\xc3", "a\uFFFDb\uFFFD"},
		"at the bound":      {strings.Repeat("x", 1024), strings.Repeat("x", 1024)},
		"cut":               {strings.Repeat("x", 1025), strings.Repeat("x", 1024)},
		"cut before a rune": {strings.Repeat("x", 1022) + "€uro", strings.Repeat("x", 1022)},
		"cut after a rune":  {strings.Repeat("x", 1021) + "€uro", strings.Repeat("x", 1021) + "€"},
		"grows over it":     {strings.Repeat("a\xff", 512), strings.Repeat("a\uFFFD", 256)},
		"grows, cut":        {"xy" + strings.Repeat("\xffa", 511), "xy" + strings.Repeat("\uFFFDa", 255)},
		"no rune starts":    {strings.Repeat("\x80", 2000), "\uFFFD"},
		"four bytes":        {strings.Repeat("x", 1021) + "😀", strings.Repeat("x", 1021)},
	} {
		got := refusalText(c.in)
		if got != c.want || !utf8.ValidString(got) || len(got) > MaxRefusalText {
			t.Errorf("%s: got %d bytes %q, want %d bytes %q", name, len(got), got, len(c.want), c.want)
		}
		if c.in != "" && unsafe.StringData(got) == unsafe.StringData(c.in) {
			t.Errorf("%s: it shares memory", name)
		}
	}
}

// Check holds a result that came from no image to what Decode holds an image to.
func TestCheck(t *testing.T) {
	t.Parallel()
	record := ResultRecord{Key: []byte("k1"), Value: []byte("value"), Headers: []Header{{"h", []byte("1")}}, Partition: -1}
	change := func(f func(*ResultRecord)) ResultRecord { r := record; f(&r); return r }
	for name, c := range map[string]struct {
		res   Result
		lim   Limits
		field string
	}{
		"good":              {Result{[]ResultRecord{record, record}, []Refusal{{1, 0, ""}, {2, 0, ""}}}, Limits{2, 2, 18}, ""},
		"nothing":           {Result{}, Limits{}, ""},
		"source":            {Result{Records: []ResultRecord{change(func(r *ResultRecord) { r.Source = 3 })}}, wide, "records[0].source"},
		"output":            {Result{Records: []ResultRecord{record, change(func(r *ResultRecord) { r.Output = 1 })}}, wide, "records[1].output"},
		"partition":         {Result{Records: []ResultRecord{change(func(r *ResultRecord) { r.Partition = -2 })}}, wide, "records[0].partition"},
		"records":           {Result{Records: []ResultRecord{record, record}}, Limits{1, 100, 100}, "records"},
		"headers":           {Result{Records: []ResultRecord{record, record}}, Limits{2, 1, 100}, "records[1].header_count"},
		"bytes":             {Result{Records: []ResultRecord{record, record}}, Limits{2, 2, 17}, "records[1].value_len"},
		"refusals unsorted": {Result{Refusals: []Refusal{{1, 0, ""}, {0, 0, ""}}}, wide, "refusals[1].source"},
		"refusals twice":    {Result{Refusals: []Refusal{{1, 0, ""}, {1, 0, ""}}}, wide, "refusals[1].source"},
		"refusal source":    {Result{Refusals: []Refusal{{3, 0, ""}}}, wide, "refusals[0].source"},
		"refusals":          {Result{Refusals: make([]Refusal, 4)}, wide, "refusals"},
	} {
		t.Run(name, func(t *testing.T) {
			batch := three()
			before := Result{slices.Clone(c.res.Records), slices.Clone(c.res.Refusals)}
			err := c.res.Check(&batch, 1, c.lim)
			if c.field == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantField(t, err, c.field)
			if d := cmp.Diff(before, c.res, same); d != "" {
				t.Errorf("changed although it is refused:\n%s", d)
			}
		})
	}
}

// A native transform's result, checked, is what the same result through an image is.
func TestCheckIsDecode(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t) {
		if v.badImage != "" {
			continue
		}
		native := resolve(v.rows, v.batch)
		if len(v.rows.Refusals) > 0 { // resolve has sorted these out: put them back
			all := v.rows
			all.Refusals = nil
			native.Records = resolve(all, v.batch).Records
			native.Refusals = slices.Clone(v.rows.Refusals)
		}
		if err := native.Check(&v.batch, v.outputs, v.limits); err != nil {
			t.Errorf("%s: %v", v.name, err)
		}
		if d := cmp.Diff(v.produced, native, same); d != "" {
			t.Errorf("%s (-want +got):\n%s", v.name, d)
		}
	}
}

func TestEncodeResultNilIsEmpty(t *testing.T) {
	t.Parallel()
	batch := three()
	img := encoded(t, rowsOf(Row{Key: Cell{From: CellGiven}, Value: null, Partition: -1}))
	var a Arena
	res, err := a.Decode(img, 0, 64, &batch, 1, wide)
	if err != nil || res.Records[0].Key == nil || res.Records[0].Value != nil {
		t.Errorf("%v, %+v", err, res.Records)
	}
}

func TestEncodeResultRefuses(t *testing.T) {
	t.Parallel()
	big := make([]byte, 1<<20)
	var heavy Rows
	for range 2048 {
		heavy.Records = append(heavy.Records, Row{Key: Cell{From: CellGiven, Bytes: big}})
	}
	_, err := EncodeResult(&heavy)
	wantField(t, err, "blob_len")
	for name, c := range map[string]struct {
		row   Row
		field string
	}{
		"headers beside the source's": {Row{HeadersFrom: HeadersSource, Headers: []Header{{}}}, "records[0].header_count"},
		"key part":                    {Row{Key: part(0, 1<<31)}, "records[0].key_len"},
		"value part":                  {Row{Value: part(0, 1<<31)}, "records[0].value_len"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := EncodeResult(&Rows{Records: []Row{c.row}})
			wantField(t, err, c.field)
		})
	}
}
