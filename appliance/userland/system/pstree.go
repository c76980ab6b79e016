package system

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// maxDepth bounds how deep a tree is shown: whoever starts processes from processes decides how deep it is.
const maxDepth = 100

// fileWidth is how wide lines are where there is no terminal.
const fileWidth = 132

// A treeNode is a process with what it has started.
type treeNode struct {
	*proc.Process
	label    string
	children []*treeNode
}

// pstree draws who started whom. Equal children are one: 3*[sleep].
func pstree(c *command.Call) {
	root, owner := 1, -1
	if len(c.Args) > 1 {
		c.Misused("expected one process or user")
		return
	}
	if len(c.Args) == 1 {
		n, err := strconv.Atoi(c.Args[0])
		if err == nil {
			root = n
		} else if owner, err = userID(c.Args[0]); err != nil {
			c.Fail(err)
			return
		}
	}
	all, err := processes(true)
	if err != nil {
		c.Fail(err)
		return
	}
	nodes := grow(c, all)
	var roots []*treeNode
	switch n := nodes[root]; {
	case n != nil && owner >= 0:
		roots = owned(n, owner, 0)
	case n != nil:
		roots = []*treeNode{n}
	}
	if roots == nil {
		c.Fail(fmt.Errorf("%s: no processes", printable.String(strings.Join(c.Args, ""))))
	}
	drawTrees(c, roots)
}

// drawTrees draws trees, with a line between.
func drawTrees(c *command.Call, roots []*treeNode) {
	d := treeDrawer{lines: c.Has('a'), compact: !c.Has('a') && !c.Has('p')}
	width := fileWidth
	if f, ok := c.Stdout.Underlying().(*os.File); ok && columnsOf(f) > 0 {
		width = columnsOf(f)
	}
	for i, n := range roots {
		if i > 0 {
			c.Stdout.WriteByte('\n')
		}
		for _, l := range d.block(n, 1, 0, 0) {
			if len(l) > width && !c.Has('l') {
				l = l[:width-1] + "+"
			}
			c.Stdout.WriteString(l + "\n")
		}
	}
}

// owned are the topmost processes of a user.
func owned(n *treeNode, owner, depth int) (all []*treeNode) {
	if n.UID == owner {
		return []*treeNode{n}
	}
	for _, child := range n.children {
		if depth < maxDepth {
			all = append(all, owned(child, owner, depth+1)...)
		}
	}
	return all
}

// grow makes nodes of all, by number.
func grow(c *command.Call, all []*proc.Process) map[int]*treeNode {
	nodes := map[int]*treeNode{}
	add := func(parent int, n *treeNode) {
		if p := nodes[parent]; p != nil && parent != n.ID {
			p.children = append(p.children, n)
		}
	}
	label := func(p *proc.Process, name string) string {
		switch {
		case !c.Has('p'):
			return name
		case c.Has('a'):
			return name + "," + strconv.Itoa(p.ID)
		}
		return name + "(" + strconv.Itoa(p.ID) + ")"
	}
	for _, p := range all {
		if p.ID == p.Main {
			n := &treeNode{Process: p, label: label(p, escaped(p.Name))}
			switch {
			case c.Has('a') && len(p.Args) > 0:
				n.label = strings.Join(append([]string{n.label}, escapedAll(p.Args[1:])...), " ")
			case c.Has('a'):
				n.label = "(" + n.label + ")"
			}
			nodes[p.ID] = n
		}
	}
	for _, p := range all {
		if n := nodes[p.ID]; p.ID == p.Main && n != nil {
			add(p.Parent, n)
		} else if p.ID != p.Main && !c.Has('T') {
			add(p.Main, &treeNode{Process: p, label: label(p, "{"+escaped(p.Name)+"}")})
		}
	}
	for _, n := range nodes {
		slices.SortFunc(n.children, func(a, b *treeNode) int {
			return cmp.Or(cmp.Compare(a.sortName(), b.sortName()), cmp.Compare(a.UID, b.UID),
				cmp.Compare(a.ID, b.ID))
		})
	}
	return nodes
}

func (n *treeNode) sortName() string {
	if n.ID != n.Main {
		return "{" + n.Name + "}"
	}
	return n.Name
}

// escaped is a name in ASCII, as columns of it are counted.
func escaped(s string) string {
	var b strings.Builder
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\':
			b.WriteString(`\\`)
		case c >= ' ' && c < 0x7f:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, `\%03o`, c)
		}
	}
	return b.String()
}

func escapedAll(words []string) (all []string) {
	for _, w := range words {
		all = append(all, escaped(w))
	}
	return all
}

// A treeDrawer is how a tree is drawn.
type treeDrawer struct {
	lines   bool // one for each process
	compact bool
}

// block is what is drawn of a process and what is below it: copies of it, and how many brackets end each of
// its ends.
func (d treeDrawer) block(n *treeNode, copies, brackets, depth int) []string {
	label := n.label
	if copies > 1 {
		label = strconv.Itoa(copies) + "*[" + label
		brackets++
	}
	if len(n.children) == 0 || depth == maxDepth {
		return []string{label + strings.Repeat("]", brackets)}
	}
	groups := d.groups(n.children)
	indent := strings.Repeat(" ", len(label)+1)
	out := []string{label}
	if d.lines {
		indent = "  "
	}
	for i, g := range groups {
		first, rest := indent+"|-", indent+"| "
		if i == len(groups)-1 {
			first, rest = indent+"`-", indent+"  "
		}
		if i == 0 && !d.lines {
			if first = label + "-+-"; len(groups) == 1 {
				first, rest = label+"---", indent+"  "
			}
			out = out[:0]
		}
		for j, l := range d.block(g.node, g.copies, brackets, depth+1) {
			if j == 0 {
				out = append(out, first+l)
			} else {
				out = append(out, rest+l)
			}
		}
	}
	return out
}

// A treeGroup is a child, and how many are like it.
type treeGroup struct {
	node   *treeNode
	copies int
}

func (d treeDrawer) groups(children []*treeNode) (all []treeGroup) {
	for _, child := range children {
		i := slices.IndexFunc(all, func(g treeGroup) bool { return d.compact && alike(g.node, child, 0) })
		if i >= 0 {
			all[i].copies++
		} else {
			all = append(all, treeGroup{child, 1})
		}
	}
	return all
}

// alike reports whether two trees look the same.
func alike(a, b *treeNode, depth int) bool {
	return a.label == b.label && len(a.children) == len(b.children) && (depth == maxDepth ||
		slices.EqualFunc(a.children, b.children, func(a, b *treeNode) bool { return alike(a, b, depth+1) }))
}
