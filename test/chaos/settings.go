package chaos

import "time"

// Settings of a runner: its standard input begins with them, as one line of JSON. When that input ends, the runner ends too,
// so that none outlives the test.
type Settings struct {
	// Brokers to begin with. Dial says where to connect to instead of an address that brokers advertise.
	Brokers []string
	Dial    map[string]string
	// Client names the host to the brokers, and to the proxy that all of its connections go through.
	Client string
	// Group, Instance, Workers, Protocol and the sizes are those of host.Config.
	Group, Instance string
	Workers         int
	Protocol        string
	MaxRecords      int
	MaxGuestTime    time.Duration
	// Topics.
	Input, A, B, Dead string
	// Module is the file of the guest, Cache a folder for compiled ones.
	Module, Cache string
	// Once ends the run when the input is drained.
	Once bool
}

// Event is what a runner tells, as a line of JSON on its standard output.
type Event struct {
	// Kind is one of "assigned", "commit", "abort" and "end".
	Kind string
	// In, Out and Guilty are numbers of records of a transaction.
	In, Out, Guilty int `json:",omitempty"`
	// Sessions is how many were thrown away since the runner began.
	Sessions int64 `json:",omitempty"`
	// Err is why a transaction was aborted, or the run ended.
	Err string `json:",omitempty"`
}
