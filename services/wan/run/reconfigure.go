package run

import (
	"context"
	"errors"

	"github.com/gatehouse-os/gatehouse/services/wan"
)

// Reconfigure makes conf the configuration; it waits until Run serves. A new client begins with the lease
// that is kept, if that is its own: then nobody is told anything else than before. With an error all is as
// before.
func (s *Service) Reconfigure(conf wan.Config) error {
	if err := conf.Check(); err != nil {
		return err
	}
	before, err := s.adopt(conf)
	if err != nil {
		return err
	}
	if err := s.setLinks(conf); err != nil {
		_, again := s.adopt(before)
		return errors.Join(err, again, s.setLinks(before))
	}
	return nil
}

// setLinks has the sockets of conf be open; those that are stay.
func (s *Service) setLinks(conf wan.Config) error {
	return errors.Join(s.links.Set(s.openings(conf)), s.six.links.Set(s.six.openings(conf)))
}

// adopt has the owner go on with conf, and returns what was before.
func (s *Service) adopt(conf wan.Config) (before wan.Config, err error) {
	err = s.do(context.Background(), func() {
		before = s.conf
		s.conf, s.client = conf, nil
		if conf.Link != before.Link {
			s.conn = nil // it is on another link
			s.six.adopt(false)
			s.watchLink()
			return
		}
		if conf.Static4 && !before.Static4 {
			s.reports.none() // the site says it from now on
		} else if s.conn != nil && !conf.Static4 {
			s.begin(s.conn.MAC())
		}
		s.six.adopt(true)
	})
	return before, err
}
