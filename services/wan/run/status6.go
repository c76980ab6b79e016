package run

import (
	"fmt"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/span"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client6"
	"github.com/gatehouse-os/gatehouse/services/wan/discover6"
)

// Status6 is how the IPv6 of the service is.
type Status6 struct {
	// Absent: the link, or a link-local address on it that may be used, is not there.
	Absent    bool              `json:"absent,omitempty"`
	Discovery *discover6.Status `json:"discovery,omitempty"` // nil: routers are not listened to, or not yet
	Client    *client6.Status   `json:"client,omitempty"`    // nil: the link has not been there yet
	Facts     *wan.Facts6       `json:"facts,omitempty"`     // what is reported; nil: nothing
	Remarks   []wan.Remark      `json:"remarks,omitempty"`   // what was left out of it
	Events    []Event6          `json:"events"`              // the last ones, oldest first
	Garbage   uint64            `json:"garbage,omitempty"`   // messages that nobody can read
}

func (v *six) status() *Status6 {
	if !isWanted(&v.s.conf) {
		return nil
	}
	st := &Status6{
		Absent: v.conn == nil, Facts: v.told.Facts6, Remarks: slices.Clone(v.remarks),
		Events: slices.Clone(v.history.events), Garbage: v.garbage,
	}
	if v.client != nil {
		c := v.client.Status(v.now())
		st.Client = &c
		if v.s.conf.IPv6.RouterDiscovery {
			d := v.host.Status()
			st.Discovery = &d
		}
	}
	return st
}

// problems returns what a person should look at.
func (v *six) problems() (all []string) {
	if v.kept != nil {
		all = append(all, "What is leased over IPv6 cannot be kept, so it may be another after a restart: "+
			v.kept.Error())
	}
	if v.client == nil {
		return all
	}
	conf := &v.s.conf.IPv6
	found := v.host.Status()
	silent := found.SilentRouter()
	if silent != nil {
		all = append(all, fmt.Sprintf("No IPv6 leads out: router %s has not answered for %s", silent.Addr,
			span.Text(v.s.o.Uptime()-silent.Silent)))
	}
	if v.s.o.Uptime() < v.pending+time.Minute {
		return all
	}
	st := v.client.Status(v.now())
	if conf.Delegation != nil && (st.Lease == nil || len(st.Lease.Prefixes) == 0) {
		all = append(all, "No IPv6 prefix is delegated: "+st.Text)
	} else if st.Lease != nil && st.Lease.Unconfirmed {
		all = append(all, "No DHCPv6 server has confirmed what is leased: "+st.Text)
	}
	if conf.RouterDiscovery && silent == nil && !v.host.What().Said.Gateway.IsValid() {
		all = append(all, "No router is there for IPv6")
	}
	return all
}
