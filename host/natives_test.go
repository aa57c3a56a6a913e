package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/wasmflow/wasmflow/abi"
	"github.com/wasmflow/wasmflow/host/guest"
)

// native makes a transform of a function over single records.
func native(f func(r *abi.Record, source uint32, out *abi.Result) error) guest.Func {
	return func(_ context.Context, _ guest.Env, b abi.Batch) (abi.Result, error) {
		var res abi.Result
		for i := range b.Records {
			if err := f(&b.Records[i], uint32(i), &res); err != nil {
				return abi.Result{}, err
			}
		}
		return res, nil
	}
}

func same(r *abi.Record, source uint32) abi.ResultRecord {
	return abi.ResultRecord{Key: r.Key, Value: r.Value, Headers: r.Headers, Timestamp: r.Timestamp, Source: source, Partition: abi.PartitionByKey}
}

func refuse(out *abi.Result, source uint32, text string) {
	out.Refusals = append(out.Refusals, abi.Refusal{Source: source, Code: 7, Text: text})
}

// natives are the transforms of the script tests, by name; text after ":" is an argument.
func natives(spec string) guest.Func {
	name, arg, _ := strings.Cut(spec, ":")
	switch name {
	case "forward":
		return native(func(r *abi.Record, i uint32, out *abi.Result) error {
			out.Records = append(out.Records, same(r, i))
			return nil
		})
	case "upper": // a tombstone stays one
		return native(func(r *abi.Record, i uint32, out *abi.Result) error {
			o := same(r, i)
			if r.Value != nil {
				o.Value = bytes.ToUpper(r.Value)
			}
			out.Records = append(out.Records, o)
			return nil
		})
	case "append":
		return native(func(r *abi.Record, i uint32, out *abi.Result) error {
			o := same(r, i)
			o.Value = append(bytes.Clone(r.Value), arg...)
			out.Records = append(out.Records, o)
			return nil
		})
	case "twice":
		return native(func(r *abi.Record, i uint32, out *abi.Result) error {
			a, b := same(r, i), same(r, i)
			a.Value, b.Value = append(bytes.Clone(r.Value), ".1"...), append(bytes.Clone(r.Value), ".2"...)
			out.Records = append(out.Records, a, b)
			return nil
		})
	case "drop": // those whose value contains the argument
		return native(func(r *abi.Record, i uint32, out *abi.Result) error {
			if !bytes.Contains(r.Value, []byte(arg)) {
				out.Records = append(out.Records, same(r, i))
			}
			return nil
		})
	case "route": // a value that contains the argument goes to output 1 as well
		return native(func(r *abi.Record, i uint32, out *abi.Result) error {
			out.Records = append(out.Records, same(r, i))
			if bytes.Contains(r.Value, []byte(arg)) {
				o := same(r, i)
				o.Output = 1
				out.Records = append(out.Records, o)
			}
			return nil
		})
	case "trap":
		return native(func(r *abi.Record, i uint32, out *abi.Result) error {
			if bytes.Contains(r.Value, []byte(arg)) {
				return errors.New("the guest met " + arg)
			}
			out.Records = append(out.Records, same(r, i))
			return nil
		})
	case "refuse":
		return native(func(r *abi.Record, i uint32, out *abi.Result) error {
			out.Records = append(out.Records, same(r, i))
			if bytes.Contains(r.Value, []byte(arg)) {
				refuse(out, i, "cannot take "+arg)
			}
			return nil
		})
	case "place": // every record into one partition, at one time
		return native(func(r *abi.Record, i uint32, out *abi.Result) error {
			o := same(r, i)
			if _, err := fmt.Sscanf(arg, "%d,%d", &o.Partition, &o.Timestamp); err != nil {
				return err
			}
			out.Records = append(out.Records, o)
			return nil
		})
	default:
		return nil
	}
}
