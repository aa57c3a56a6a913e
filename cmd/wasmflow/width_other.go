//go:build !linux && !darwin

package main

// windowWidth is not known here.
func windowWidth(uintptr) int { return 0 }
