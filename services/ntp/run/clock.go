package run

import (
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/kernel"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// precision is that of reading the clock, log2 of seconds: a microsecond, more or less.
const precision = -20

// clock is the part of a Service that belongs to its owner: what is known of the clock.
type clock struct {
	kept     Kept          // as it is stored
	storing  error         // why it could not be stored, nil if it could
	stored   time.Duration // when it was last tried
	failing  error         // why the kernel does not do what it is told
	steps    int
	lastStep time.Duration
	now      Report
}

// start looks at the clock, before anybody is served or asked.
func (s *Service) start() error {
	kept, err := readKept(s.o.StateDir)
	if err != nil {
		s.log.Error("how the clock ran before cannot be read", "cause", err)
	}
	s.kept = kept
	if _, err := s.o.Kernel.Read(); err != nil {
		return fmt.Errorf("the kernel's clock: %w", err)
	}
	s.forward()
	s.now.Since = s.o.Uptime()
	s.take()
	return nil
}

// forward sets a clock forward that is before what is past for certain.
func (s *Service) forward() {
	past, why := s.o.NotBefore, "the program knows that it is later"
	if s.kept.Time.After(past) {
		past, why = s.kept.Time, "it has been later"
	}
	now := time.Unix(0, s.o.Kernel.Now().Real)
	if !now.Before(past) {
		return
	}
	s.log.Warn("the clock is set forward", "from", now.UTC().Format(time.RFC3339), "to", past.UTC().Format(time.RFC3339), "why", why)
	s.step(past.Sub(now))
}

// step sets the clock.
func (s *Service) step(by time.Duration) {
	if !s.told(s.o.Kernel.Step(by)) {
		return
	}
	s.steps++
	s.lastStep = by
}

// told notes whether the kernel did what it was told, and logs it when that is news.
func (s *Service) told(err error) bool {
	if err != nil && s.failing == nil {
		s.log.Error("the clock cannot be corrected", "cause", err)
	}
	s.failing = err
	return err == nil
}

// publish has everybody know how the clock is: LANs, the kernel, and init.
func (s *Service) publish(st server.State, known kernel.Status, offset time.Duration) {
	st.Precision = precision
	if st.Stratum == 0 && s.conf.LocalStratum > 0 {
		st = server.State{
			Stratum: s.conf.LocalStratum, Precision: precision, RefID: server.RefIDLocal, Local: true,
			Reference: wire.FromUnix(s.o.Kernel.Now().Real),
		}
	}
	s.server.Set(st)
	s.told(s.o.Kernel.Say(known))
	r := Report{Synchronised: known.Synchronised, Since: s.now.Since, Stratum: st.Stratum, Offset: offset,
		Steps: s.steps, LastStep: s.lastStep}
	if r.Synchronised != s.now.Synchronised {
		r.Since = s.o.Uptime()
	}
	s.now = r
	s.reports.set(r)
}

// keep stores what is known of the clock, which is right.
func (s *Service) keep(frequency float64, known bool) {
	s.kept = Kept{Time: time.Unix(0, s.o.Kernel.Now().Real).UTC(), Frequency: frequency, Known: known}
	s.stored = s.o.Uptime()
	err := s.kept.write(s.o.StateDir)
	if err != nil && s.storing == nil {
		s.log.Error("how the clock runs cannot be kept: after a restart it is measured anew", "cause", err)
	}
	s.storing = err
}
