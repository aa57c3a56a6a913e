//go:build unix && !linux

package guest

const noReserve = 0
