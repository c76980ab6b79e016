package run

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"path/filepath"
	"slices"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/appliance/statefile"
	"github.com/gatehouse-os/gatehouse/internal/advert/conn"
	"github.com/gatehouse-os/gatehouse/services/radvd"
)

func openSocket(link string) (Conn, error) {
	c, err := conn.Open(link, conn.Router)
	if err != nil { // not the nil *Conn, which is no nil Conn
		return nil, err
	}
	return c, nil
}

// lookAt is the state of a link; of one that is not there it is not known, which init says.
func lookAt(link string) radvd.LinkState {
	iface, err := links.Named(link)
	if err != nil {
		return radvd.LinkState{}
	}
	s, err := conn.Look(iface.Index)
	if err != nil {
		return radvd.LinkState{}
	}
	state := radvd.LinkState{
		Known: true, Carrier: s.Carrier, Forwarding: s.Forwarding, Duplicate: s.Local == conn.Duplicate,
		Own: s.Own,
	}
	if s.Local != conn.Usable {
		state.Trouble = s.Local.String()
	}
	return state
}

// read hands what comes in to the engine, until the socket is closed.
func (s *Service) read(lan string, c *socket) {
	err := c.Each(func(m *conn.Message) { s.receive(lan, c, m) })
	if !errors.Is(err, net.ErrClosed) {
		s.log.Error("reading from a LAN", "lan", lan, "cause", err)
	}
}

func (s *Service) receive(lan string, c *socket, m *conn.Message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lans[lan] != c || s.stopped {
		return
	}
	now := s.o.Uptime()
	var actions []radvd.Action
	switch m.Kind {
	case conn.IsSolicitation:
		actions = s.house.Solicited(now, lan, m.From)
	case conn.IsAdvertisement:
		actions = s.house.Heard(now, lan, m.From, &m.Advertisement)
	}
	s.carryOut(now, actions)
	if len(actions) == 0 && s.house.Next(now) < s.due {
		s.hurry()
	}
}

// carryOut does what the engine wants, in its order.
func (s *Service) carryOut(now time.Duration, actions []radvd.Action) {
	for _, a := range actions {
		switch a := a.(type) {
		case radvd.Keep:
			s.keep(now)
		case radvd.Send:
			s.send(now, a)
		case radvd.Seen:
			s.events.Warn(a.Text)
		}
	}
}

// send sends all of a set. One that does not get to a host is one that everybody gets.
func (s *Service) send(now time.Duration, a radvd.Send) {
	c := s.lans[a.LAN]
	if c == nil {
		return
	}
	to := a.To
	if !to.IsValid() {
		to = conn.AllNodes
	}
	err := c.write(a.Set, to)
	if err == nil {
		return
	}
	if a.To.IsValid() {
		s.house.Unanswered(now, a.LAN)
		s.hurry()
		return
	}
	s.events.Warn("an advertisement could not be sent", "lan", a.LAN, "cause", err)
}

// write sends a set, whose octets are made once.
func (c *socket) write(set *radvd.Set, to netip.Addr) error {
	if c.set != set {
		c.set, c.octets = set, nil
		for i := range set.Adverts {
			octets, err := conn.Marshal(&set.Adverts[i])
			if err != nil {
				return fmt.Errorf("what is configured cannot be said: %w", err)
			}
			c.octets = append(c.octets, octets)
		}
	}
	for _, octets := range slices.Backward(c.octets) { // what holds is in the first: so that is heard last
		if err := c.Send(octets, to); err != nil {
			return err
		}
	}
	return nil
}

// keptFile is what hosts may hold.
const (
	keptFile    = "prefixes"
	maxKeptFile = 4 << 20
)

// keep has what hosts may hold on stable storage when it returns, or notes why it is not.
func (s *Service) keep(now time.Duration) {
	kept := s.house.Kept(now)
	if kept == nil {
		kept = []radvd.Kept{}
	}
	b, err := json.MarshalIndent(kept, "", "\t")
	if err == nil {
		err = statefile.Write(filepath.Join(s.o.StateDir, keptFile), append(b, '\n'), 0o600)
	}
	if err != nil && s.kept == nil {
		s.log.Error("what hosts may hold cannot be stored: after a restart it is not taken back", "cause",
			err)
	}
	s.kept = err
}

// readKept returns what was kept; nothing if there is no file.
func readKept(dir string) (kept []radvd.Kept, err error) {
	b, err := statefile.Read(filepath.Join(dir, keptFile), maxKeptFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(b, &kept); err != nil {
		return nil, fmt.Errorf("%s: %w", keptFile, err)
	}
	return kept, nil
}
