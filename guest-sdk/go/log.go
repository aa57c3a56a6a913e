package wasmflow

// Levels of a log line (abi/SPEC.md, "Imports").
const (
	levelDebug = iota
	levelInfo
	levelWarn
	levelError
)

// Debug writes a line to the host's log, at level debug. The host cuts lines after 4 KiB and limits how many there are;
// never log a record's bytes that the log's readers may not see.
func Debug(text string) { hostLog(levelDebug, text) }

// Info writes a line to the host's log, at level info, like Debug.
func Info(text string) { hostLog(levelInfo, text) }

// Warn writes a line to the host's log, at level warn, like Debug.
func Warn(text string) { hostLog(levelWarn, text) }

// Error writes a line to the host's log, at level error, like Debug. It refuses nothing: return an error for that.
func Error(text string) { hostLog(levelError, text) }
