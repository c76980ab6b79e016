package run

import (
	"github.com/gatehouse-os/gatehouse/appliance/links"
	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/services/dns/front"
)

// A link is one that queries come in by.
type link struct {
	sockets *front.Sockets // nil: none are open
	absent  string         // why not
}

// openings are the sockets that conf wants.
func (s *Service) openings(conf *dns.Config) (all []links.Opening[*front.Sockets]) {
	for _, name := range append([]string{loopback}, conf.Links...) {
		all = append(all, links.Opening[*front.Sockets]{Key: name, Name: name,
			Open: func() (*front.Sockets, error) {
				return front.Listen(name, front.Options{
					Port: s.o.Port, Log: s.o.Upstream.Log, Worker: func() front.Worker {
						return s.resolver.Worker()
					},
				})
			}})
	}
	return all
}

// took has the sockets of a link used, or notes why there are none.
func (s *Service) took(o links.Opening[*front.Sockets], k *front.Sockets, why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := &link{sockets: k}
	if why != nil {
		l.absent = why.Error()
	}
	s.served[o.Key] = l
	if k != nil && s.serving {
		k.Serve()
	}
}

// serve has all sockets used that are open.
func (s *Service) serve() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.serving = true
	for _, l := range s.served {
		if l.sockets != nil {
			l.sockets.Serve()
		}
	}
}

// config returns the configuration.
func (s *Service) config() *dns.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.conf
}
