package run

import (
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
)

// take begins with the Config.
func (s *Service) take() { s.publish(server.State{}, kernel.Status{MaxError: kernel.MaxError}, 0) }

// tick does what is due.
func (s *Service) tick() {}

// pause is how long there is nothing to do if nothing comes.
func (s *Service) pause() time.Duration { return time.Minute }

// stop ends with what is to be remembered.
func (s *Service) stop() {
	if s.now.Synchronised {
		s.keep(s.kept.Frequency, s.kept.Known)
	}
}
