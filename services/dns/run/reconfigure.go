package run

import (
	"context"
	"errors"
	"reflect"

	"github.com/gatehouse-os/gatehouse/services/dns"
	"github.com/gatehouse-os/gatehouse/services/dns/upstream/servers"
	"github.com/gatehouse-os/gatehouse/services/dns/wire"
)

// Reconfigure makes conf the configuration of the service; it waits until Run serves. With an error all is as
// before. No question is lost: those under way are answered, of another server if theirs is gone, and sockets
// of links that stay are not touched. What the cache has of domains that others are asked for now is
// forgotten.
func (s *Service) Reconfigure(conf dns.Config) error {
	s.reconfiguring.Lock()
	defer s.reconfiguring.Unlock()
	made, err := partsOf(conf)
	if err != nil {
		return err
	}
	before := s.parts
	if err := s.adopt(made); err != nil {
		return err
	}
	if err := s.links.Set(s.openings(made.conf)); err != nil {
		return errors.Join(err, s.adopt(before), s.links.Set(s.openings(before.conf)))
	}
	s.log.Info("configured anew", "hosts", len(conf.House.Hosts), "links", len(conf.Links))
	return nil
}

// adopt goes on with other parts, but for the links.
func (s *Service) adopt(p parts) error {
	conf := p.conf
	if err := s.upstream.Reconfigure(conf.Upstream); err != nil {
		return err
	}
	if err := s.chain.Reconfigure(p.rebind); err != nil {
		return err
	}
	s.follow(conf)
	if err := s.names.do(context.Background(), func() { s.names.adopt(p.table, conf) }); err != nil {
		return err
	}
	s.timed.Store(conf.Timed)
	s.mu.Lock()
	before := s.conf
	s.parts, s.sources = p, s.sourcesOf(conf.Upstream)
	s.mu.Unlock()
	for _, domain := range otherDomains(before, conf) {
		if name, err := servers.WireName(domain); err == nil {
			s.resolver.Cache().Flush(name, true)
		}
	}
	if !reflect.DeepEqual(before.Upstream, conf.Upstream) {
		s.resolver.PathChanged()
	}
	return nil
}

// otherDomains are those of which answers may be others by another configuration.
func otherDomains(a, b *dns.Config) (all []string) {
	of := func(c *dns.Config) map[string]any {
		domains := map[string]any{}
		for _, p := range c.Private {
			domains[p] = true
		}
		for _, f := range c.Upstream.Forward {
			domains[f.Domain] = f
		}
		return domains
	}
	before, after := of(a), of(b)
	for _, pair := range [][2]map[string]any{{before, after}, {after, before}} {
		for domain, how := range pair[0] {
			if !reflect.DeepEqual(pair[1][domain], how) {
				all = append(all, domain)
			}
		}
	}
	return all
}

// flush forgets what the cache has for a name, and with below for all names below it.
func (s *Service) flush(name string, below bool) (int, error) {
	wired, err := wire.ParseText(name)
	if err != nil {
		return 0, err
	}
	return s.resolver.Cache().Flush(wired, below), nil
}
