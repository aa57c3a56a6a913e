package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func newRoot(c *cli) *cobra.Command {
	root := &cobra.Command{
		Use:   "wasmflow",
		Short: "Run WebAssembly transforms between Kafka topics, exactly once",
		Long: `wasmflow reads Kafka topics, hands each record to a transform compiled to WebAssembly, and writes what it
returns to other topics, in one transaction with the consumed offsets: every record exactly once.

The result of a verb goes to stdout, log and progress to stderr. Exit codes: 0 ok, 1 failed, 2 wrong usage or
configuration, 3 the environment (a broker that cannot be reached, authentication, missing topics).`,
		Example: `  wasmflow demo                                  # see it work, on an embedded broker
  wasmflow validate -c config.yaml               # check configuration and modules, offline
  wasmflow topics create -c config.yaml          # create the topics that are missing
  wasmflow doctor -c config.yaml                 # what the cluster would refuse later
  wasmflow run -c config.yaml                    # run the pipelines`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetOut(c.out)
	root.SetErr(c.err)
	root.PersistentFlags().VarP(&formatValue{&c.format}, "output", "o", "form of the result: table or json")
	root.PersistentFlags().Lookup("output").DefValue = formatTable // c.format may be what was asked for already.
	noError(root.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{formatTable, formatJSON}, cobra.ShellCompDirectiveNoFileComp)))
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(newRun(c), newValidate(c), newInspect(c), newTopics(c), newDoctor(c), newDLQ(c), newResetOffsets(c), newDemo(c), newDemoHost(c), newVersion(c))
	addHelp(c, root)
	addCompletion(c, root)
	return root
}

// formatValue is the value of -o, which takes two words only.
type formatValue struct{ format *string }

func (v *formatValue) String() string { return *v.format }
func (v *formatValue) Type() string   { return "form" }
func (v *formatValue) Set(s string) error {
	if s != formatTable && s != formatJSON {
		return fmt.Errorf("it is %s or %s", formatTable, formatJSON)
	}
	*v.format = s
	return nil
}

// noError is for cobra's setters, which fail only where the program names a flag that it did not declare.
func noError(err error) {
	if err != nil {
		panic(err)
	}
}

var unknownCommand = regexp.MustCompile(`^unknown command ("(?:[^"\\]|\\.)*") for `)

// unknownVerb finds a verb that does not exist before the flags are looked at, which would be unknown too.
func unknownVerb(root *cobra.Command, args []string) error {
	if len(args) > 0 && strings.HasPrefix(args[0], cobra.ShellCompRequestCmd) {
		return nil // Cobra adds this one only as it executes.
	}
	initHelpFlags(root)
	cmd, rest, err := root.Find(args)
	if err != nil {
		m := unknownCommand.FindStringSubmatch(err.Error())
		if m == nil {
			return &usageError{code: "usage", err: err, help: root.Name() + " --help"}
		}
		verb, _ := strconv.Unquote(m[1])
		return verbError(root, verb)
	}
	if cmd.HasParent() && cmd.HasAvailableSubCommands() && len(rest) > 0 && !strings.HasPrefix(rest[0], "-") {
		return verbError(cmd, rest[0])
	}
	return nil
}

// initHelpFlags declares -h, which cobra does only as it executes: Find would take what follows it for its value.
func initHelpFlags(cmd *cobra.Command) {
	cmd.InitDefaultHelpFlag()
	for _, sub := range cmd.Commands() {
		initHelpFlags(sub)
	}
}

func verbError(cmd *cobra.Command, verb string) error {
	e := &usageError{code: "unknown_verb", err: fmt.Errorf("%s has no verb %q", cmd.CommandPath(), verb), help: cmd.CommandPath() + " --help"}
	cmd.SuggestionsMinimumDistance = 2
	if s := cmd.SuggestionsFor(verb); len(s) > 0 {
		e.meant = s[0]
	}
	return e
}

// group is the action of a command that only holds others: help, or an error that names the verb that is not there.
func group(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return verbError(cmd, args[0])
	}
	return cmd.Help()
}

// arguments demands between least and most arguments, called what.
func arguments(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			return nil
		}
		err := fmt.Errorf("%s takes %s, not %d arguments", cmd.CommandPath(), what, len(args))
		return &usageError{code: "usage", err: err, help: cmd.CommandPath() + " --help"}
	}
}

var unknownFlag = regexp.MustCompile(`^unknown flag: --(\S+)`)

// flagError adds the flag that was probably meant.
func flagError(cmd *cobra.Command, err error) error {
	e := &usageError{code: "usage", err: err, help: cmd.CommandPath() + " --help"}
	m := unknownFlag.FindStringSubmatch(err.Error())
	if m == nil {
		return e
	}
	e.code = "unknown_flag"
	// Cobra measures distances between the names of commands: let the flags be some.
	names := &cobra.Command{SuggestionsMinimumDistance: 2}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if !f.Hidden {
			names.AddCommand(&cobra.Command{Use: f.Name, Run: func(*cobra.Command, []string) {}})
		}
	})
	if s := names.SuggestionsFor(m[1]); len(s) > 0 {
		e.meant = "--" + s[0]
	}
	return e
}
