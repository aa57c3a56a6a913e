// Command wasmflow runs WebAssembly transforms between Kafka topics, exactly once.
//
// One file per verb. The verbs wire what config, host and guest offer and decide nothing themselves. The result of a verb
// goes to stdout; log, progress and errors go to stderr.
package main

import (
	"cmp"
	"context"
	"io"
	"os"

	"github.com/spf13/cobra"
)

func main() {
	os.Exit(execute(os.Args[1:], os.Stdout, os.Stderr))
}

// execute runs one command line and returns the code to exit with.
func execute(args []string, stdout, stderr io.Writer) int {
	ctx, stop := withSignals(context.Background(), stderr)
	defer stop()
	out := &output{w: stdout}
	c := &cli{out: out, err: stderr, format: formatTable}
	if wantsJSON(args) {
		c.format = formatJSON // Also for an error in the arguments themselves.
	}
	root := newRoot(c)
	root.SetArgs(args)
	err := unknownVerb(root, args)
	verb := ""
	if err == nil {
		var cmd *cobra.Command
		cmd, err = root.ExecuteContextC(ctx)
		verb = commandName(cmd)
	}
	if err == nil {
		err = c.refused
	}
	c.fail(verb, err)
	code := exitCode(err)
	if out.err != nil {
		c.lost(err, out.err)
		code = cmp.Or(code, exitFailed)
	}
	return code
}
