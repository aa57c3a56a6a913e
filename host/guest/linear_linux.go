package guest

import "syscall"

// noReserve leaves the room out of what the system promises: only pages that are touched count.
const noReserve = syscall.MAP_NORESERVE
