package filter

import "golang.org/x/net/bpf"

// Of a tree of conditions, which are looked at from left to right and no further than they must be.
type (
	cond interface{}

	all  struct{ a, b cond }
	some struct{ a, b cond }
	no   struct{ of cond }
	// A test compares what has been loaded into A with a number, or with X.
	test struct {
		load  []bpf.Instruction
		cond  bpf.JumpTest
		value uint32
		x     bool
	}
)

// and is all of them, from left to right.
func and(first cond, rest ...cond) cond {
	for _, c := range rest {
		first = all{first, c}
	}
	return first
}

// or is some of them, from left to right.
func or(first cond, rest ...cond) cond {
	for _, c := range rest {
		first = some{first, c}
	}
	return first
}

// never is true of no packet.
func never() cond {
	return test{load: []bpf.Instruction{bpf.LoadConstant{Dst: bpf.RegA}}, cond: bpf.JumpEqual, value: 1}
}

// A step is a test with the numbers of labels to go on at.
type step struct {
	test
	yes, no int
	far     bool // a label is further away than a conditional jump reaches
}

type layout struct {
	steps  []step
	labels []int // index of the step that each is before; len(steps): accept, one more: refuse
}

// assemble makes a program of a condition; false: it would be too long for the kernel.
func assemble(c cond) ([]bpf.Instruction, bool) {
	var l layout
	accept, refuse := l.label(), l.label()
	if c != nil {
		l.lay(c, accept, refuse)
	}
	if len(l.steps) > maxProgram {
		return nil, false
	}
	l.labels[accept], l.labels[refuse] = len(l.steps), len(l.steps)+1
	at := l.places()
	program := make([]bpf.Instruction, 0, at[len(l.steps)+1]+1)
	for i, s := range l.steps {
		program = append(program, s.load...)
		after := at[i+1]
		if s.far { // the jumps are the last two before after
			program = append(program, s.jump(0, 1), bpf.Jump{Skip: uint32(at[l.labels[s.yes]] - after + 1)},
				bpf.Jump{Skip: uint32(at[l.labels[s.no]] - after)})
			continue
		}
		program = append(program, s.jump(at[l.labels[s.yes]]-after, at[l.labels[s.no]]-after))
	}
	program = append(program, bpf.RetConstant{Val: 1 << 18}, bpf.RetConstant{})
	return program, len(program) <= maxProgram
}

func (l *layout) label() int {
	l.labels = append(l.labels, 0)
	return len(l.labels) - 1
}

// lay appends the steps of a condition, which go on at yes or at no.
func (l *layout) lay(c cond, yes, not int) {
	switch c := c.(type) {
	case all:
		next := l.label()
		l.lay(c.a, next, not)
		l.labels[next] = len(l.steps)
		l.lay(c.b, yes, not)
	case some:
		next := l.label()
		l.lay(c.a, yes, next)
		l.labels[next] = len(l.steps)
		l.lay(c.b, yes, not)
	case no:
		l.lay(c.of, not, yes)
	case test:
		l.steps = append(l.steps, step{test: c, yes: yes, no: not})
	}
}

// places are where each step begins, and where what is accepted and refused ends. Steps whose labels are too
// far away become longer, until all fit.
func (l *layout) places() []int {
	at := make([]int, len(l.steps)+2)
	for changed := true; changed; {
		changed = false
		for i, s := range l.steps {
			at[i+1] = at[i] + len(s.load) + 1
			if s.far {
				at[i+1] += 2
			}
		}
		at[len(l.steps)+1] = at[len(l.steps)] + 1
		for i := range l.steps {
			s := &l.steps[i]
			if !s.far && max(at[l.labels[s.yes]], at[l.labels[s.no]])-at[i+1] > 255 {
				s.far, changed = true, true
			}
		}
	}
	return at
}

func (s step) jump(yes, not int) bpf.Instruction {
	if s.x {
		return bpf.JumpIfX{Cond: s.cond, SkipTrue: uint8(yes), SkipFalse: uint8(not)}
	}
	return bpf.JumpIf{Cond: s.cond, Val: s.value, SkipTrue: uint8(yes), SkipFalse: uint8(not)}
}
