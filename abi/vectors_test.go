package abi

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "rewrite the files of testdata/vectors")

const vectorDir = "testdata/vectors"

// vector is a pair of images and what they mean (testdata/vectors/README.md).
type vector struct {
	name, about string
	outputs     int
	limits      Limits
	// at is the address of the result's header in result.
	at uint32
	// other says that result means what rows say, but is not their canonical form; wide that input is not canonical.
	other, wide bool
	// badImage ("input" or "result") and badField are what a reader says of a vector that must fail; everyone says that guests'
	// SDKs refuse it too.
	badImage, badField string
	everyone           bool

	batch         Batch
	rows          Rows
	input, result []byte
	// produced is what a host makes of it, in the words of resolve.
	produced Result
}

// resolve is what Arena.Decode does, said a second time in the plainest way, without its checks.
func resolve(rows Rows, in Batch) (res Result) {
	refused := map[uint32]bool{}
	for _, r := range rows.Refusals {
		refused[r.Source] = true
		r.Text = strings.ToValidUTF8(r.Text, "\uFFFD")
		r.Text = r.Text[:min(len(r.Text), MaxRefusalText)] // vectors cut no rune
		res.Refusals = append(res.Refusals, r)
	}
	for _, row := range rows.Records {
		if refused[row.Source] {
			continue
		}
		src := in.Records[row.Source]
		r := ResultRecord{
			Source: row.Source, Output: row.Output, Partition: row.Partition, Timestamp: src.Timestamp,
			Key: row.Key.resolve(src.Key), Value: row.Value.resolve(src.Value),
		}
		if row.HasTimestamp {
			r.Timestamp = row.Timestamp
		}
		if row.HeadersFrom != HeadersGiven {
			r.Headers = append(r.Headers, src.Headers...)
		}
		r.Headers = append(r.Headers, row.Headers...)
		res.Records = append(res.Records, r)
	}
	return res
}

func (c Cell) resolve(source []byte) []byte {
	switch c.From {
	case CellSource:
		return source
	case CellPart:
		return source[c.Off : c.Off+c.Len]
	case CellNull:
		return nil
	}
	return c.Bytes
}

// files gives the four files of a vector.
func (v *vector) files() map[string][]byte {
	fs := map[string][]byte{v.name + ".json": v.json(), v.name + ".txt": v.text(), v.name + ".input.bin": v.input}
	if v.result != nil {
		fs[v.name+".result.bin"] = v.result
	}
	return fs
}

func TestVectorFiles(t *testing.T) {
	want := map[string][]byte{}
	var names []string
	for _, v := range vectors(t) {
		names = append(names, v.name)
		for name, data := range v.files() {
			if want[name] != nil {
				t.Fatalf("two vectors make %s", name)
			}
			want[name] = data
		}
	}
	slices.Sort(names)
	want["INDEX"] = []byte(strings.Join(names, "\n") + "\n")
	if *update {
		for name, data := range want {
			if err := os.WriteFile(filepath.Join(vectorDir, name), data, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	entries, err := os.ReadDir(vectorDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "README.md" && want[e.Name()] == nil {
			t.Errorf("%s belongs to no vector: delete it", e.Name())
		}
	}
	for name, data := range want {
		got, err := os.ReadFile(filepath.Join(vectorDir, name))
		if err != nil {
			t.Errorf("%v: go test -run TestVectorFiles -update writes it", err)
		} else if !bytes.Equal(got, data) {
			t.Errorf("%s differs from what the test makes: a released vector never changes; else go test -run TestVectorFiles -update", name)
		}
	}
}

// readVectors gives the vectors as their files say, knowing nothing of how they were made.
func readVectors(t testing.TB) []*vector {
	names, err := filepath.Glob(filepath.Join(vectorDir, "*.txt"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no vectors in %s (%v)", vectorDir, err)
	}
	var vs []*vector
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		v, err := parseVector(string(data))
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		base := strings.TrimSuffix(name, ".txt")
		if v.name != filepath.Base(base) {
			t.Fatalf("%s is named %s inside", name, v.name)
		}
		if v.input, err = os.ReadFile(base + ".input.bin"); err != nil {
			t.Fatal(err)
		}
		if v.badImage != "input" {
			if v.result, err = os.ReadFile(base + ".result.bin"); err != nil {
				t.Fatal(err)
			}
		}
		vs = append(vs, v)
	}
	return vs
}

// same compares meanings: null and empty differ for keys and values, not for lists.
var same = cmp.Options{
	cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type() != reflect.TypeFor[[]byte]() }, cmpopts.EquateEmpty()),
	cmp.Comparer(func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) }),
}

func TestVectors(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t) {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			b, err := DecodeBatch(v.input)
			if v.badImage == "input" {
				wantField(t, err, v.badField)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(v.batch, b, same); d != "" {
				t.Errorf("input (-want +got):\n%s", d)
			}
			if !v.wide {
				img := make([]byte, b.ImageSize())
				if n, err := EncodeBatch(img, &b); err != nil || n != len(img) || !bytes.Equal(img, v.input) {
					t.Errorf("input encoded again differs (%d, %v)", n, err)
				}
			}
			v.checkResult(t, &b)
		})
	}
}

func (v *vector) checkResult(t *testing.T, b *Batch) {
	var a Arena
	res, err := a.Decode(v.result, v.at, imageHeaderSize, b, v.outputs, v.limits)
	if v.badImage == "result" {
		if fe := wantField(t, err, v.badField); fe.OverLimit != strings.Contains(v.about, "limit") {
			t.Errorf("%q: over a limit is %t", fe, fe.OverLimit)
		}
		if _, err := DecodeRows(v.result, v.at, imageHeaderSize, b, v.outputs, v.limits); err == nil {
			t.Error("DecodeRows takes it")
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(v.produced, res, same); d != "" {
		t.Errorf("result (-want +got):\n%s", d)
	}
	rows, err := DecodeRows(v.result, v.at, imageHeaderSize, b, v.outputs, v.limits)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(v.rows, rows, same); d != "" {
		t.Errorf("rows (-want +got):\n%s", d)
	}
	img, err := EncodeResult(&rows)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(img, v.result) == v.other {
		t.Errorf("encoded again it is the same bytes: %t", v.other)
	}
	if res, err = a.Decode(img, 0, imageHeaderSize, b, v.outputs, v.limits); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(v.produced, res, same); d != "" {
		t.Errorf("canonical form (-want +got):\n%s", d)
	}
}

// wantField holds err to a *FieldError of that field.
func wantField(t *testing.T, err error, field string) *FieldError {
	t.Helper()
	var fe *FieldError
	if !errors.As(err, &fe) {
		t.Fatalf("got error %v, want one of field %s", err, field)
	}
	if fe.Field != field || fe.Reason == "" {
		t.Errorf("got %q, want field %s", fe, field)
	}
	return fe
}

// The canonical form of a result is the same bytes wherever it lies, and is read there.
func TestCanonicalFormAtEveryAddress(t *testing.T) {
	t.Parallel()
	for _, v := range readVectors(t) {
		if v.badImage != "" || v.other {
			continue
		}
		for _, at := range []int{0, 1, 4, 8, 64, 4096, 12345} {
			mem := slices.Concat(bytes.Repeat([]byte{0xAA}, at), v.result)
			var a Arena
			res, err := a.Decode(mem, uint32(at), uint32(len(v.result)), &v.batch, v.outputs, v.limits)
			if err != nil {
				t.Fatalf("%s at %d: %v", v.name, at, err)
			}
			if d := cmp.Diff(v.produced, res, same); d != "" {
				t.Errorf("%s at %d (-want +got):\n%s", v.name, at, d)
			}
		}
	}
}
