package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/bench/wire"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv4/packet"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// engineRun is how many leases the engine is measured with, each four messages.
const engineRun = 20_000

// engine measures our engine alone, without network and disk, with many leases.
func (b *bench) engine(ctx context.Context) error {
	b.alone = make(map[int]time.Duration)
	for _, n := range leaseCounts() {
		e, err := dhcp.New(benchConfig())
		if err != nil {
			return err
		}
		now := time.Now()
		for i := range n {
			addr, mac := holder(i)
			e.Restore(lease.Lease{Addr: addr, MAC: mac, State: lease.Bound, Since: now,
				Until: now.Add(lifetime)})
		}
		for round := range rounds {
			if err := ctx.Err(); err != nil {
				return err
			}
			began := time.Now()
			if err := exchange(e, now, uint32(round*engineRun)); err != nil {
				return err
			}
			if took := time.Since(began) / engineRun; b.alone[n] == 0 || took < b.alone[n] {
				b.alone[n] = took
			}
		}
	}
	return nil
}

// exchange gives new clients their leases.
func exchange(e *dhcp.Server, now time.Time, first uint32) error {
	var out dhcp.Outcome
	var msg []byte
	offer := wire.Answer{Server: benchConfig().Subnets[0].Address.As4()}
	for i := range uint32(engineRun) {
		mac := cardOf(first + i)
		msg = wire.AppendMessage(msg[:0], packet.Discover, i, mac, nil)
		e.Handle(now, 0, lease.MAC{}, msg, &out)
		offer.Addr = out.Addr.As4()
		msg = wire.AppendMessage(msg[:0], packet.Request, i, mac, &offer)
		if e.Handle(now, 0, lease.MAC{}, msg, &out); out.ReplyType != packet.ACK {
			return fmt.Errorf("%08x got no lease: %s", binary.BigEndian.Uint32(msg[4:]), out.Reason)
		}
	}
	return nil
}
