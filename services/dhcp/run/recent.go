package run

import (
	"net/netip"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
)

// An Exchange is one message and what became of it.
type Exchange struct {
	Time   time.Time  `json:"time"`
	Subnet string     `json:"subnet"`
	MAC    lease.MAC  `json:"mac"`
	Type   string     `json:"type"`            // DISCOVER, REQUEST, …
	State  string     `json:"state,omitempty"` // of a REQUEST: SELECTING, …
	Stage  string     `json:"stage"`           // what it was taken for: PXE, iPXE, system
	Asked  netip.Addr `json:"asked,omitzero"`
	Reply  string     `json:"reply,omitempty"` // OFFER, ACK, NAK; empty: silence
	Addr   netip.Addr `json:"addr,omitzero"`
	Name   string     `json:"name,omitempty"`
	File   string     `json:"file,omitempty"`
	Drop   string     `json:"drop,omitempty"` // the reason as a key
	Reason string     `json:"reason"`         // the reason as a phrase
}

// ring is the last exchanges.
type ring struct {
	all  []exchange
	next int
}

type exchange struct {
	time   time.Time
	subnet int
	out    dhcp.Outcome // without its slices
}

// ringLen is how many exchanges are remembered: a few for each machine of a room.
const ringLen = 1024

func (r *ring) add(now time.Time, subnet int, out *dhcp.Outcome) {
	e := exchange{now, subnet, *out}
	e.out.Records, e.out.Reply = nil, nil
	if len(r.all) < ringLen {
		r.all = append(r.all, e)
		return
	}
	r.all[r.next] = e
	r.next = (r.next + 1) % ringLen
}

func (s *Service) exchanges(mac *lease.MAC) []Exchange {
	all := []Exchange{}
	r := &s.recent
	for i := range r.all {
		e := &r.all[(r.next+i)%len(r.all)]
		if mac != nil && e.out.MAC != *mac {
			continue
		}
		x := Exchange{
			Time: e.time, Subnet: s.conf.Subnets[e.subnet].Name, MAC: e.out.MAC, Type: e.out.Type.String(),
			State: e.out.State.String(), Stage: e.out.Stage.String(), Asked: e.out.Asked, Addr: e.out.Addr,
			Name: e.out.Name, File: e.out.File, Drop: e.out.Drop.String(), Reason: e.out.Reason,
		}
		if e.out.Drop == 0 && e.out.ReplyType != 0 {
			x.Reply = e.out.ReplyType.String()
		}
		all = append(all, x)
	}
	return all
}
