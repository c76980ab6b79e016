package run

import (
	"errors"
	"fmt"
	"net/netip"
	"sync/atomic"

	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/conn"
)

// A lan is one subnet as it is served.
type lan struct {
	dhcp.Subnet
	index   int      // in Config.Subnets
	key     string   // of its opening; "": it needs no sockets of its own
	sockets *sockets // nil: it needs none, or its link is not there
	absent  string   // why it is not served; "": it is
	counts  *counts  // those of the name, whatever the configuration
}

// prober returns what the subnet is probed with, nil if nothing is there to do so.
func (l *lan) prober() Prober {
	if l.sockets == nil {
		return nil
	}
	return l.sockets.prober
}

// sockets are what is open for one subnet.
type sockets struct {
	key    string
	subnet string // its name, for the log
	link   string // that conn is on
	conn   Conn   // nil: relayed
	prober Prober // nil: not probed
	// failing: nothing has been read since an error was, which is logged once, whoever of the two has it.
	failing atomic.Bool
}

// Check implements links.Socket.
func (k *sockets) Check() error {
	if k.conn == nil {
		return nil
	}
	return k.conn.Check()
}

// Close closes the sockets. It does not wait for who has read from them, and may be storing that.
func (k *sockets) Close() error {
	var errs []error
	if k.conn != nil {
		errs = append(errs, k.conn.Close())
	}
	if k.prober != nil {
		errs = append(errs, k.prober.Close())
	}
	return errors.Join(errs...)
}

// socketKey says what the sockets of a subnet depend on: with the same, they stay.
func socketKey(sub *dhcp.Subnet) string {
	switch {
	case !sub.Relayed:
		return fmt.Sprintf("%s %s probed=%v", sub.Interface, sub.Address, sub.Probe > 0)
	case sub.Probe > 0:
		return sub.Prefix.String()
	}
	return ""
}

// openings are the sockets that conf wants.
func (o *Options) openings(conf *dhcp.Config) (all []links.Opening[*sockets]) {
	for i := range conf.Subnets {
		sub := &conf.Subnets[i]
		if key := socketKey(sub); key != "" {
			all = append(all, links.Opening[*sockets]{
				Key: key, Name: sub.Name, Open: func() (*sockets, error) { return o.open(sub, key) },
			})
		}
	}
	return all
}

func (o *Options) open(sub *dhcp.Subnet, key string) (k *sockets, err error) {
	k = &sockets{key: key, subnet: sub.Name, link: sub.Interface}
	if !sub.Relayed {
		if k.conn, err = o.Listen(sub.Interface, sub.Address); err != nil {
			return nil, err
		}
	}
	if sub.Probe > 0 {
		if k.prober, err = o.Probe(sub); err != nil {
			return nil, errors.Join(err, k.Close())
		}
	}
	return k, nil
}

// withDefaults returns o with all functions set.
func (o Options) withDefaults() Options {
	if o.Listen == nil {
		o.Listen = func(link string, source netip.Addr) (Conn, error) { return conn.Open(link, source) }
	}
	if o.Probe == nil {
		o.Probe = openProber
	}
	return o
}

// took uses the sockets of a subnet, or none and the reason, and has those read from
// that it uses.
func (s *Service) took(o links.Opening[*sockets], k *sockets, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.use(o.Key, k, why)
	if k != nil && s.reading != nil {
		s.receive(k)
	}
}

func (s *Service) use(key string, k *sockets, why error) {
	for _, l := range s.lans {
		switch {
		case l.key == key:
			l.sockets, l.absent = k, reason(why)
		case k == nil && l.sockets != nil && l.sockets.key == key: // which are to be replaced
			l.sockets = nil
		}
	}
}

func reason(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// receive starts to read from the sockets of a subnet.
func (s *Service) receive(k *sockets) {
	ctx := s.reading
	if k.conn != nil {
		for range 2 {
			s.readers.Go(func() { s.read(ctx, k) })
		}
	}
	if k.prober != nil {
		s.readers.Go(func() { s.listen(ctx, k) })
	}
}

// lansOf returns the lans of conf, by subnet and by link. Those of old are carried over:
// the counts by the name of the subnet, the sockets by what they depend on, or else by
// their link, until others are open.
func lansOf(conf *dhcp.Config, old []*lan) (all []*lan, byLink map[string]*lan) {
	byLink = make(map[string]*lan)
	for i := range conf.Subnets {
		l := &lan{Subnet: conf.Subnets[i], index: i, key: socketKey(&conf.Subnets[i]), counts: new(counts)}
		for _, o := range old {
			if o.Name == l.Name {
				l.counts = o.counts
			}
			switch {
			case o.key == l.key:
				l.sockets, l.absent = o.sockets, o.absent
			case !l.Relayed && o.Interface == l.Interface:
				l.sockets = o.sockets
			}
		}
		if all = append(all, l); !l.Relayed {
			byLink[l.Interface] = l
		}
	}
	return all, byLink
}
