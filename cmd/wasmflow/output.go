package main

import "io"

// output is stdout. It keeps the first error, so that an answer that was lost ends in an exit code other than 0, whichever
// of the many ways to print it does not look.
type output struct {
	w   io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	var n int
	n, o.err = o.w.Write(b)
	return n, o.err
}
