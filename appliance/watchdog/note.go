package watchdog

import "time"

// dropPatience is for a disk that may hang.
const dropPatience = 2 * time.Second

// note is what the next boot shall know. It is kept beside the rounds, since a
// disk that hangs may be what there is to tell of.
type note struct {
	write      func(why string) error
	failed     func(err error)
	want, kept string
	writing    chan error // nil: nothing is being written
	written    string     // what is
}

// keep starts to keep what is wanted, unless that is kept or being kept.
func (n *note) keep() {
	select {
	case err := <-n.writing:
		n.finish(err)
	default:
	}
	if n.writing != nil || n.want == n.kept {
		return
	}
	done, text := make(chan error, 1), n.want
	n.writing, n.written = done, text
	go func() { done <- n.write(text) }()
}

func (n *note) finish(err error) {
	if err != nil {
		n.failed(err)
	}
	n.kept, n.writing = n.written, nil
}

// drop forgets the note, since the machine ends as it should. It waits until
// that is done, but not for ever.
func (n *note) drop() {
	patience := time.NewTimer(dropPatience)
	defer patience.Stop()
	n.want = ""
	for n.keep(); n.writing != nil; n.keep() {
		select {
		case err := <-n.writing:
			n.finish(err)
		case <-patience.C:
			return
		}
	}
}
