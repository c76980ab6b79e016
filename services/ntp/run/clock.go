package run

import (
	"fmt"
	"time"

	"github.com/gatehouse-os/gatehouse/services/ntp/discipline"
	"github.com/gatehouse-os/gatehouse/services/ntp/server"
	"github.com/gatehouse-os/gatehouse/services/ntp/wire"
)

// precision is that of reading the clock, log2 of seconds: a microsecond, more or less.
const precision = -20

// clock is what is known of the clock. It belongs to the owner of a Service.
type clock struct {
	kept    Kept  // as it is stored
	storing error // why it could not be stored, nil if it could
	failing error // why the kernel does not do what it is told
	now     Report
	last    discipline.Report
	stored  time.Duration // uptime when it was last tried; 0: never
}

// storeAgain is how soon after another time what is known is stored because the clock has become right.
const storeAgain = 10 * time.Minute

// start looks at the clock, before anybody is served or asked.
func (s *Service) start() error {
	kept, err := readKept(s.o.StateDir)
	if err != nil {
		s.log.Error("how the clock ran before cannot be read", "cause", err)
	}
	if _, err := s.o.Kernel.Read(); err != nil {
		return fmt.Errorf("the kernel's clock: %w", err)
	}
	s.kept, s.now.Since = kept, s.o.Uptime()
	s.discipline = discipline.New(s.conf.Limit(), kept.forEngine(s.o.NotBefore))
	s.tend(s.discipline.Start(s.moment()))
	if err := s.begin(); err != nil {
		return err
	}
	s.publish()
	return nil
}

// step sets the clock.
func (s *Service) step(by time.Duration) {
	if s.told(s.o.Kernel.Step(by)) {
		now := time.Unix(0, s.o.Kernel.Now().Real).UTC()
		s.log.Warn("the clock was set", "by", signed(by), "now", now.Format(time.RFC3339Nano))
	}
}

// signed is a time with its sign.
func signed(d time.Duration) string {
	if d > 0 {
		return "+" + d.String()
	}
	return d.String()
}

// told notes whether the kernel did what it was told, and logs it when that is news.
func (s *Service) told(err error) bool {
	if err != nil && s.failing == nil {
		s.log.Error("the clock cannot be corrected", "cause", err)
	}
	s.failing = err
	return err == nil
}

// publish has LANs know how the clock is.
func (s *Service) publish() {
	now := s.moment()
	r := s.discipline.Report(now)
	s.last = r
	st := server.State{Precision: precision, Reference: wire.FromUnix(now.Wall), At: wire.FromUnix(now.Wall)}
	switch {
	case r.Synchronised && r.Stratum <= wire.MaxStratum:
		st.Stratum, st.Leap, st.RefID, st.Reference = r.Stratum, r.Leap, r.RefID, wire.FromUnix(r.Reference)
		st.RootDelay, st.RootDispersion = r.RootDelay, r.RootDispersion
	case s.conf.LocalStratum > 0:
		st.Stratum, st.RefID, st.Local = s.conf.LocalStratum, server.RefIDLocal, true
	}
	s.server.Set(st)
	report := Report{
		Synchronised: r.Synchronised, Since: s.now.Since, Stratum: st.Stratum, Offset: r.Offset,
		Steps: r.Steps, LastStep: r.LastStep,
	}
	if report.Synchronised != s.now.Synchronised {
		report.Since = s.o.Uptime()
		s.log.Info(map[bool]string{true: "the clock is synchronised",
			false: "the clock is not synchronised any more"}[r.Synchronised])
	}
	turned := report.Synchronised && !s.now.Synchronised
	s.now = report
	if turned && (s.stored == 0 || s.o.Uptime()-s.stored >= storeAgain) {
		s.tend(s.discipline.Stop(now)) // a power cut may come before the hour is over
	}
}

// keep stores what is known of the clock, which is right.
func (s *Service) keep(k discipline.Kept) {
	s.stored = s.o.Uptime()
	s.kept = Kept{Time: time.Unix(0, k.Wall).UTC(), Frequency: k.Frequency, Error: k.Error}
	err := s.kept.write(s.o.StateDir)
	if err != nil && s.storing == nil {
		s.log.Error("how the clock runs cannot be kept: after a restart it is measured anew", "cause", err)
	}
	s.storing = err
}
