package abi

import (
	"strings"
	"unicode/utf8"
)

// Limits bound the result of one call. Each field is a bound as it stands: 0 allows none.
type Limits struct {
	// Records is the largest number of result records.
	Records int
	// Headers is the largest number of headers, summed over all result records.
	Headers int
	// Bytes is the largest sum of key, value, header key and header value bytes over all result records, as they will be
	// produced: what records share or inherit counts each time.
	Bytes int64
}

// tally is what the records of a result have reached so far.
type tally struct {
	headers int
	bytes   int64
}

// within refuses n things over a limit, which may be less than 0.
func within(field string, n uint64, limit int64) error {
	if n > uint64(max(limit, 0)) {
		return overLimit(fieldErr(field, "%d is over the limit of %d", n, limit))
	}
	return nil
}

// withinBatch refuses more refusals than a batch of n records can have.
func withinBatch(refusals uint64, n int) error {
	if refusals > uint64(n) {
		return fieldErr("refusals", "%d, but there are %d input records", refusals, n)
	}
	return nil
}

// addHeaders counts n headers of record i, before they are looked at.
func (t *tally) addHeaders(i, n int, lim Limits) error {
	if n > lim.Headers-t.headers {
		return overLimit(rowErr("records", i, "header_count", "%d headers and %d of the records before are over the limit of %d", n, t.headers, lim.Headers))
	}
	t.headers += n
	return nil
}

// addBytes counts what record i carries.
func (t *tally) addBytes(i int, r *ResultRecord, lim Limits) error {
	t.bytes += int64(len(r.Key)) + int64(len(r.Value))
	for j := range r.Headers {
		t.bytes += int64(len(r.Headers[j].Key)) + int64(len(r.Headers[j].Value))
		if t.bytes > lim.Bytes {
			break
		}
	}
	if t.bytes > lim.Bytes {
		return overLimit(rowErr("records", i, "value_len", "key, value and header bytes of this record and those before are over the limit of %d", lim.Bytes))
	}
	return nil
}

// Check holds a result that came from no image (a native transform's) to what Arena.Decode holds an image to: sources and
// outputs exist, partitions are PartitionByKey or not negative, refusals ascend, and lim. in is the batch it was made from, outputs
// the number of outputs.
//
// It then does with it what Decode does: records of refused sources leave r.Records, whose slice is changed in place, and
// refusal texts are cut to MaxRefusalText, made valid UTF-8 and copied. An error is a *FieldError, and r is as it was.
func (r *Result) Check(in *Batch, outputs int, lim Limits) error {
	if err := within("records", uint64(len(r.Records)), int64(lim.Records)); err != nil {
		return err
	}
	if err := withinBatch(uint64(len(r.Refusals)), len(in.Records)); err != nil {
		return err
	}
	for i := range r.Refusals {
		if err := checkRefusal(i, r.Refusals[i].Source, r.Refusals[:i], len(in.Records)); err != nil {
			return err
		}
	}
	var t tally
	for i := range r.Records {
		rec := &r.Records[i]
		if err := checkPlace(i, rec, len(in.Records), outputs); err != nil {
			return err
		}
		if err := t.addHeaders(i, len(rec.Headers), lim); err != nil {
			return err
		}
		if err := t.addBytes(i, rec, lim); err != nil {
			return err
		}
	}
	if len(r.Refusals) == 0 {
		return nil
	}
	refused := make(bitset, (len(in.Records)+63)/64)
	for i := range r.Refusals {
		refused.set(r.Refusals[i].Source)
		r.Refusals[i].Text = refusalText(r.Refusals[i].Text)
	}
	kept := r.Records[:0]
	for i := range r.Records {
		if !refused.has(r.Records[i].Source) {
			kept = append(kept, r.Records[i])
		}
	}
	clear(r.Records[len(kept):])
	r.Records = kept
	return nil
}

// checkPlace looks at where record i comes from and goes to.
func checkPlace(i int, r *ResultRecord, n, outputs int) error {
	if uint64(r.Source) >= uint64(n) {
		return rowErr("records", i, "source", "%d, but there are %d input records", r.Source, n)
	}
	if int(r.Output) >= outputs {
		return rowErr("records", i, "output", "%d, but there are %d outputs", r.Output, outputs)
	}
	if r.Partition < PartitionByKey {
		return rowErr("records", i, "partition", "%d is neither -1 nor a partition", r.Partition)
	}
	return nil
}

// checkRefusal looks at the source of refusal i, which follows those before.
func checkRefusal(i int, source uint32, before []Refusal, n int) error {
	if uint64(source) >= uint64(n) {
		return rowErr("refusals", i, "source", "%d, but there are %d input records", source, n)
	}
	if i > 0 && source <= before[i-1].Source {
		return rowErr("refusals", i, "source", "%d does not follow %d: sources ascend, each once", source, before[i-1].Source)
	}
	return nil
}

// refusalText makes a guest's text fit for logs and Kafka headers: valid UTF-8, at most MaxRefusalText bytes, memory of its own.
func refusalText(s string) string {
	if len(s) > MaxRefusalText {
		end := MaxRefusalText
		for end > MaxRefusalText-utf8.UTFMax && !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	s = strings.ToValidUTF8(s, "\uFFFD")
	if len(s) > MaxRefusalText { // replacing made it longer
		end := MaxRefusalText
		for !utf8.RuneStart(s[end]) {
			end--
		}
		s = s[:end]
	}
	return strings.Clone(s)
}
