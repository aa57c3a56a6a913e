//go:build unix

package guest

import (
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// private says why a folder is not this user's alone.
func private(info fs.FileInfo) error {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		return fmt.Errorf("not a folder")
	case !ok:
		return fmt.Errorf("its owner cannot be found out")
	case int(stat.Uid) != os.Geteuid():
		return fmt.Errorf("it belongs to user %d, not to %d who runs this", stat.Uid, os.Geteuid())
	case info.Mode().Perm() != 0o700:
		return fmt.Errorf("it has mode %04o, not 0700", info.Mode().Perm())
	}
	return nil
}
