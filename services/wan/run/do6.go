package run

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/internal/dhcpv6"
	"github.com/gatehouse-os/gatehouse/services/wan"
	"github.com/gatehouse-os/gatehouse/services/wan/client6"
	"github.com/gatehouse-os/gatehouse/services/wan/discover6"
)

// What is kept beside the lease of IPv4.
const (
	leaseFile6 = "lease6"
	duidFile   = "duid"
	// secretFile is what addresses are made of, so that they stay: RFC 7217.
	secretFile = "secret6"
	secretLen  = 32
	maxFile6   = 64 << 10
)

// now is the moment for client6.
func (v *six) now() client6.Now { return client6.Now(v.s.now()) }

// carryOutHost does what router discovery wants, in its order.
func (v *six) carryOutHost(actions []discover6.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case discover6.Solicit:
			if v.conn != nil {
				v.failed("a router solicitation", v.conn.Solicit())
			}
		case discover6.Probe:
			if v.conn != nil {
				v.failed("a neighbour solicitation", v.conn.Probe(a.Router))
			}
		case discover6.Event:
			v.note(Event6{Name: string(a.Name), Text: a.Text, At: a.At}, nil)
		}
	}
}

// carryOut does what the DHCPv6 client wants, in its order.
func (v *six) carryOut(actions []client6.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case client6.Send:
			if v.conn != nil {
				v.failed(a.Type.String(), v.conn.Send(a.Message))
			}
		case client6.Store:
			v.keep(leaseFile6, a.Lease)
		case client6.Forget:
			v.forget()
		case client6.Event:
			v.note(Event6{Name: string(a.Name), Cause: string(a.Cause), Text: a.Text, At: a.At}, a.Remarks)
		}
	}
	if v.client != nil && v.client.Decided() != v.told.Decided6 { // without an event too
		v.tell()
	}
}

// failed says that a message could not be sent. It is sent again by the engine's own times.
func (v *six) failed(what string, err error) {
	if err != nil {
		v.s.log.Warn("a message could not be sent", "message", what, "cause", err)
	}
}

// note logs an event, keeps it for those who look later, and reports what holds.
func (v *six) note(e Event6, remarks []wan.Remark) {
	v.history.add(e)
	v.s.log.Info(e.Name, "cause", e.Cause, "text", e.Text)
	for _, r := range remarks {
		v.s.log.Warn("not believed", "about", string(r.About), "text", r.Text)
	}
	v.tell()
}

// keep has something on stable storage when it returns, or notes why it is not.
func (v *six) keep(name string, what any) {
	b, err := json.Marshal(what)
	if err == nil {
		err = statefile.Write(filepath.Join(v.s.o.StateDir, name), append(b, '\n'), 0o600)
	}
	v.noteKept(err)
}

func (v *six) forget() {
	err := os.Remove(filepath.Join(v.s.o.StateDir, leaseFile6))
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	v.noteKept(err)
}

func (v *six) noteKept(err error) {
	if err != nil && v.kept == nil {
		v.s.log.Error("what is leased over IPv6 cannot be kept: after a restart it may be another", "cause",
			err)
	}
	v.kept = err
}

// readKept reads what is kept; without it, or when it cannot be read, the answer is false.
func (v *six) readKept(name string, to any) bool {
	b, err := statefile.Read(filepath.Join(v.s.o.StateDir, name), maxFile6)
	if errors.Is(err, fs.ErrNotExist) {
		return false
	}
	if err == nil {
		err = json.Unmarshal(b, to)
	}
	if err != nil {
		v.s.log.Error("what is kept cannot be read", "cause", fmt.Errorf("%s: %w", name, err))
	}
	return err == nil
}

// readLease returns the kept lease, nil if there is none.
func (v *six) readLease() *client6.Lease {
	var l client6.Lease
	if !v.readKept(leaseFile6, &l) {
		return nil
	}
	return &l
}

// duid is what servers know us by: the site's, or one that was made of the first card and stays, whichever
// card comes after it.
func (v *six) duid() dhcpv6.DUID {
	if d := v.s.conf.IPv6.DUID; len(d) > 0 {
		return d
	}
	var kept dhcpv6.DUID
	if v.readKept(duidFile, &kept) && kept.Valid() {
		return kept
	}
	made := dhcpv6.LinkLayerDUID(v.mac)
	v.keep(duidFile, made)
	return made
}

// secret is what addresses are made of, made once.
func (v *six) secret() []byte {
	var kept []byte
	if v.readKept(secretFile, &kept) && len(kept) == secretLen {
		return kept
	}
	var made []byte
	for len(made) < secretLen {
		made = binary.BigEndian.AppendUint64(made, v.s.o.Rand())
	}
	v.keep(secretFile, made)
	return made
}
