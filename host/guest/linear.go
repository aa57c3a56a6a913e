package guest

import (
	"context"
	"fmt"

	"github.com/tetratelabs/wazero/experimental"
)

// withLinear has the runtime take the instance's memory from the system. A memory that begins with so many bytes and for which
// there is no room ends the instantiation: the runtime would take it for granted.
func (i *Instance) withLinear(ctx context.Context) context.Context {
	return experimental.WithMemoryAllocator(ctx, experimental.MemoryAllocatorFunc(func(least, most uint64) experimental.LinearMemory {
		i.linear = newLinear(most)
		if i.linear.Reallocate(least) == nil && least > 0 {
			interrupt(&limitError{TrapMemory, "", fmt.Sprintf("the system has no room for the %d bytes that its memory begins with", least)})
		}
		return i.linear
	}))
}
