// Package chaos holds a pipeline to its promise under faults: a checker, a nemesis, and the processes between them.
//
// Traffic with unique ids, numbered within each key, goes through hosts in processes of their own (folder runner) to two
// outputs that must agree; every so many-th record is poison and belongs into the dead letters. Meanwhile a nemesis kills,
// stops, drains, adds and removes hosts, cuts and delays their connections at chosen requests, and does as much to the brokers. At
// the end the books say what is lost, twice, torn, out of order and so on: each of them a Verdict. test/mutants shows that the
// books can find something.
package chaos
