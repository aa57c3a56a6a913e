//go:build !unix

package guest

import (
	"errors"
	"io/fs"
)

// private refuses all folders where owners and modes are not those of POSIX.
func private(fs.FileInfo) error {
	return errors.New("a cache in a folder is not supported on this system")
}
