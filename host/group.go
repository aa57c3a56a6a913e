package host

import (
	"context"
	"errors"
	"fmt"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
)

// groupOffsets reads what the group has committed, nothing where it does not exist yet. A coordinator that is not ready, as
// on a cluster that has just started, is asked again.
func (h *Host) groupOffsets(ctx context.Context) (kadm.OffsetResponses, error) {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	for {
		committed, err := h.admin.FetchOffsets(ctx, h.cfg.Group)
		switch {
		case err == nil:
			return committed, nil
		case errors.Is(err, kerr.GroupIDNotFound):
			return nil, nil
		case !kerr.IsRetriable(err) || !pause(ctx, askAgain):
			return nil, h.explainGroup(err)
		}
	}
}

// explainGroup says which right is missing.
func (h *Host) explainGroup(err error) error {
	if errors.Is(err, kerr.GroupAuthorizationFailed) {
		return fmt.Errorf("%w: %w", ErrEnvironment, h.cfg.groupRight().missing())
	}
	return fmt.Errorf("group %q: %w", h.cfg.Group, err)
}
