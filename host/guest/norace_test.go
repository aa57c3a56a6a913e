//go:build !race

package guest

// raced says that the race detector runs.
const raced = false
