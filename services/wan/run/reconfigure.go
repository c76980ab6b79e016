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
	if err != nil || conf.Link == before.Link {
		return err
	}
	if err := s.links.Set(s.openings(conf.Link)); err != nil {
		_, again := s.adopt(before)
		return errors.Join(err, again, s.links.Set(s.openings(before.Link)))
	}
	return nil
}

// adopt has the owner go on with conf, and returns what was before.
func (s *Service) adopt(conf wan.Config) (before wan.Config, err error) {
	err = s.do(context.Background(), func() {
		before = s.conf
		s.conf, s.client = conf, nil
		if conf.Link != before.Link {
			s.conn = nil // it is on another link
			s.watchLink()
			return
		}
		if s.conn != nil {
			s.begin(s.conn.MAC())
		}
	})
	return before, err
}
