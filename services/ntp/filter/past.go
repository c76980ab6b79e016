package filter

import "time"

// A past is what each model made of those samples that are not remembered any more. So the frequency of a
// steady clock is known better than any 64 samples tell; and because it fades, a past that is wrong does not
// last.
type past struct {
	at     time.Duration    // of the last of them
	offset int64            // that states' are relative to
	states [2][models]state // by believed and doubted
}

// What is known of the frequency may be of another machine. So the models begin with it, and without.
const (
	believed = iota
	doubted
)

// begins returns what is known of the frequency, to begin with.
func (f *Filter) begins(with int) Prior {
	if with == doubted {
		return Unknown
	}
	return f.prior
}

// distrust forgets what was known of the frequency, and what was made of it.
func (f *Filter) distrust() {
	f.prior = Unknown
	if f.past != nil {
		f.past.states[believed] = f.past.states[doubted]
	}
}

// state is that of a model, relative to an offset.
func (p *past) state(with, i int, offset int64) state {
	s := p.states[with][i]
	s.x += float64(p.offset-offset) / 1e9
	return s
}

// forget makes the oldest sample past.
func (f *Filter) forget() {
	points, newest := f.points(), f.Newest().Offset
	first := f.past == nil
	if first {
		f.past = &past{}
	}
	for with := range f.past.states {
		if with == doubted && f.prior == Unknown {
			break
		}
		for i, m := range grid {
			s := m.begin(&points[0], f.begins(with))
			if !first {
				s = m.run(f.past.state(with, i, newest), points[:1])
			}
			s.pxx, s.pxv, s.pvv = s.pxx*fade, s.pxv*fade, s.pvv*fade
			f.past.states[with][i] = s
		}
	}
	f.past.at, f.past.offset = f.sample(0).At, newest
}
