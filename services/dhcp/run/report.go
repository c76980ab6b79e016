package run

import (
	"context"
	"log/slog"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
)

// How many events are logged.
const (
	logBurst = 200 // at once
	logRate  = 20  // a second in the long run
)

// report logs what a person wants to read later: new leases, refusals, addresses
// given back or found in use, and an exhausted pool, once.
func (s *Service) report(now time.Time, of *lan, out *dhcp.Outcome) {
	level, what := slog.LevelInfo, ""
	switch {
	case out.Drop == dhcp.DropNotSent:
		level, what = slog.LevelError, "reply not sent"
	case out.Drop == dhcp.DropExhausted || out.ReplyType == packet.Offer:
		s.reportPool(now, of, out)
	case out.Type == 0 && len(out.Records) > 0:
		level, what, out.Asked = slog.LevelWarn, "in use", out.Addr
	case out.Drop != 0 || out.Type == packet.Inform || out.ReplyType == packet.ACK && out.State == dhcp.Renewing:
	case out.ReplyType == packet.ACK:
		what = "leased"
	case out.ReplyType == packet.NAK:
		what = "refused"
	case out.Type == packet.Decline:
		level, what = slog.LevelWarn, "declined"
	case out.Type == packet.Release:
		what = "released"
	}
	if what == "" {
		return
	}
	args := []any{"subnet", of.Name, "addr", out.Asked, "mac", out.MAC.String(), "stage", out.Stage.String(), "why", out.Reason}
	if out.Name != "" {
		args = append(args, "name", out.Name)
	}
	if out.File != "" {
		args = append(args, "file", out.File)
	}
	s.events.Log(context.Background(), level, what, args...)
}

// reportPool logs when a pool runs out, and when it no longer is.
func (s *Service) reportPool(now time.Time, of *lan, out *dhcp.Outcome) {
	c := of.counts
	switch {
	case out.Drop == dhcp.DropExhausted && !c.exhausted:
		c.exhausted = true
		s.log.Error("the pool has no free address", "subnet", of.Name, "first refused", out.MAC.String())
	case out.Drop == 0 && c.exhausted && s.engine.Stats(now, of.index).Free() > 0:
		c.exhausted = false
		s.log.Info("the pool has free addresses again", "subnet", of.Name)
	}
}
