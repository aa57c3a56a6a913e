//go:build linux || darwin

package main

import (
	"syscall"
	"unsafe"
)

// windowWidth asks a terminal how many columns it has, 0 where it does not know.
func windowWidth(fd uintptr) int {
	var size struct{ rows, columns, x, y uint16 }
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, fd, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size))); errno != 0 {
		return 0
	}
	return int(size.columns)
}
