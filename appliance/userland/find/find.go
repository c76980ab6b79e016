package find

import (
	"errors"
	"os"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

var findCommand = command.Command{
	Usage: "[-HLP] [PATH]... [EXPRESSION]",
	Help: `	-L, -follow, -H	symbolic links are what they lead to; those of the command line; -P: none
	-maxdepth N  -mindepth N  -depth  -xdev
	-name -iname -path -ipath PATTERN   -regex EXPRESSION
	-type f|d|l|b|c|p|s   -perm [-+/]MODE   -user U   -group G
	-size [-+]N[bck]   -links [-+]N   -empty   -executable
	-mtime -atime -ctime [-+]DAYS   -mmin -amin -cmin [-+]MINUTES
	-newer FILE   -inum N   -samefile FILE
	-print  -print0  -prune  -quit  -exec COMMAND ;   -exec COMMAND {} +
	( )  !  -not  -a  -and  -o  -or
`,
	Raw: true,
	Run: runFind,
}

// A finder is one find.
type finder struct {
	*command.Call
	follow    bool // -L
	top       bool // -H
	depth     bool
	oneDevice bool
	min, max  int // max -1: without end
	acts      bool
	root      node
	batches   []*batch
	quit      bool
	prune     bool // the last file asked not to go on below
}

func runFind(c *command.Call) {
	f := &finder{Call: c, max: -1}
	args := c.Args
	for len(args) > 0 && (args[0] == "-L" || args[0] == "-H" || args[0] == "-P") {
		f.follow, f.top = args[0] == "-L", args[0] == "-H"
		args = args[1:]
	}
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	var paths []string
	for len(args) > 0 && !isExpression(args[0]) {
		paths, args = append(paths, args[0]), args[1:]
	}
	if paths == nil {
		paths = []string{"."}
	}
	p := parser{finder: f, args: args}
	root, err := p.parse()
	if err != nil {
		c.Misused("%v", err)
		return
	}
	if f.root = root; !f.acts {
		f.root = &both{root, action(f.print)}
	}
	for _, path := range paths {
		f.walk(path)
	}
	for _, b := range f.batches {
		if !b.flush(f) {
			c.Exit(1)
		}
	}
}

func isExpression(arg string) bool {
	return strings.HasPrefix(arg, "-") && len(arg) > 1 || arg == "(" || arg == "!"
}

// stopped reports whether there is no sense in going on.
func (f *finder) stopped() bool { return f.quit || f.Err() != nil || f.Stdout.Err() != nil }

func (f *finder) walk(path string) {
	if f.stopped() {
		return
	}
	e, err := f.look(path, f.follow || f.top)
	if err != nil {
		f.Fail(err)
		return
	}
	e.device = e.stat.Dev
	f.visit(e, nil)
}

// look looks at a file; a link that leads nowhere is itself.
func (f *finder) look(path string, follow bool) (*entry, error) {
	info, err := os.Lstat(path)
	if follow && err == nil {
		if led, err := os.Stat(path); err == nil {
			info = led
		}
	}
	if err != nil {
		return nil, command.Named(path, err)
	}
	return newEntry(path, info), nil
}

// visit acts on a file and goes through what is below.
func (f *finder) visit(e *entry, above []*entry) {
	act := func() {
		if e.depth >= f.min {
			f.root.holds(f, e)
		}
	}
	f.prune = false
	if !f.depth {
		act()
	}
	if e.info.IsDir() && !f.prune && (f.max < 0 || e.depth < f.max) &&
		!(f.oneDevice && e.stat.Dev != e.device) && !loops(e, above) {
		f.below(e, append(above, e))
	}
	if f.depth && !f.stopped() {
		act()
	}
}

func (f *finder) below(e *entry, above []*entry) {
	if f.stopped() {
		return
	}
	list, err := os.ReadDir(e.path)
	if err != nil {
		f.Fail(command.Named(e.path, err))
	}
	for _, item := range list {
		if f.stopped() {
			return
		}
		path := e.path + "/" + item.Name()
		if strings.HasSuffix(e.path, "/") {
			path = e.path + item.Name()
		}
		sub, err := f.look(path, f.follow)
		if errors.Is(err, os.ErrNotExist) {
			continue // it has gone in the meantime
		}
		if err != nil {
			f.Fail(err)
			continue
		}
		sub.depth, sub.device = e.depth+1, e.device
		f.visit(sub, above)
	}
}

// loops reports whether a directory is one of those above it.
func loops(e *entry, above []*entry) bool {
	for _, up := range above {
		if up.stat.Ino == e.stat.Ino && up.stat.Dev == e.stat.Dev {
			return true
		}
	}
	return false
}
