package archtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// reach is what no pure room reaches, by whatever it imports.
type reach struct {
	pkg string // a pattern of matches
	why string
}

// unreachable is the table. What is not of the standard library, a room reaches
// only if its row allows it; those here, no row can allow to a pure room.
func unreachable() []reach {
	return []reach{
		{"net", "sockets, and a resolver: net/netip has the addresses"},
		{"net/http/...", "a server and a client of the network"},
		{"os/exec", "starts processes"},
		{"os/signal", "takes signals away from the process"},
		{"log/...", "writes where nobody has asked it to: return an error or a report"},
		{"plugin", "runs code that nobody has read"},
		{"golang.org/x/sys/unix", "system calls"},
		{"golang.org/x/net/icmp", "sockets"},
		{"golang.org/x/net/ipv4", "sockets"},
		{"golang.org/x/net/ipv6", "sockets"},
		{"golang.org/x/net/internal/...", "sockets, below those of x/net; bpf and dnsmessage are pure"},
		{"golang.org/x/crypto/ssh/...", "an ssh client and server, with the network below them"},
		{"github.com/gliderlabs/ssh", "an ssh server"},
		{"github.com/creack/pty", "terminals and processes"},
		{"github.com/mdlayher/...", "netlink sockets"},
		{"github.com/vishvananda/...", "netlink sockets"},
		{"github.com/google/nftables/...", "netlink sockets"},
		{"github.com/landlock-lsm/...", "takes rights away from the process"},
		{"kernel.org/pub/linux/libs/...", "takes rights away from the process"},
	}
}

// goPackage is what the go command says about a package.
type goPackage struct {
	ImportPath string
	Standard   bool
	Imports    []string
}

// CheckClosures reports what the pure rooms of the module in a directory reach by
// their imports and the imports of these, in the build for the appliance: each
// offence is at the import by which the way leaves the project, since within it a
// pure room imports only pure rooms. It needs the go command and the modules of
// go.mod, and fails when it cannot ask, or when there is no pure room.
func CheckClosures(dir string) ([]Offence, error) {
	t, err := load(os.DirFS(dir))
	if err != nil {
		return nil, err
	}
	files := t.pure(anyPure)
	if len(files) == 0 {
		return nil, errors.New(roomsFile + " has no pure room: there is nothing to hold to it")
	}
	graph, err := listDeps(dir, files)
	if err != nil {
		return nil, err
	}
	rows, _ := rooms(t)
	var bad []Offence
	for _, f := range files {
		own := t.module.Module.Mod.Path
		if f.dir != "." {
			own += "/" + f.dir
		}
		for _, spec := range f.ast.Imports {
			to := t.importPath(spec)
			// A file for another machine is not of this build.
			if strings.HasPrefix(to, "./") || !slices.Contains(graph[own].Imports, to) {
				continue
			}
			for _, found := range reached(graph, to, roomOf(rows, "./"+f.dir)) {
				bad = append(bad, Offence{f.path, t.line(spec.Pos()), "closure", found})
			}
		}
	}
	return inOrder(bad), nil
}

// listDeps asks the go command for the packages of files and all that they import,
// as they are built for the appliance.
func listDeps(dir string, files []*goFile) (map[string]goPackage, error) {
	args := []string{"list", "-deps", "-json=ImportPath,Standard,Imports"}
	for _, f := range files {
		args = append(args, "./"+f.dir)
	}
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS=linux", "GOARCH=amd64", "CGO_ENABLED=0", "GOWORK=off")
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go list: %w: %s", err, bytes.TrimSpace(stderr.Bytes()))
	}
	graph := map[string]goPackage{}
	for d := json.NewDecoder(&stdout); ; {
		var p goPackage
		switch err := d.Decode(&p); {
		case errors.Is(err, io.EOF):
			return graph, nil
		case err != nil:
			return nil, fmt.Errorf("go list: %w", err)
		}
		graph[p.ImportPath] = p
	}
}

// reached goes breadth-first from an import of a room, and says on which way it
// comes to what the room must not reach. It looks no further behind such a package.
func reached(graph map[string]goPackage, start string, r *room) []string {
	var bad []string
	seen := map[string]bool{start: true}
	for ways := [][]string{{start}}; len(ways) > 0; ways = ways[1:] {
		way := ways[0]
		pkg := way[len(way)-1]
		if why := mustNotReach(graph[pkg], pkg, r); why != "" {
			bad = append(bad, "it reaches "+strings.Join(way, " → ")+": "+why)
			continue
		}
		for _, next := range graph[pkg].Imports {
			if !seen[next] {
				seen[next] = true
				ways = append(ways, append(slices.Clone(way), next))
			}
		}
	}
	return bad
}

// mustNotReach says why a room must not reach a package, "" if it may.
func mustNotReach(p goPackage, name string, r *room) string {
	for _, u := range unreachable() {
		if matches(name, []string{u.pkg}) {
			return u.why
		}
	}
	if !p.Standard && !matches(name, r.may) {
		return fmt.Sprintf("line %d of %s does not allow it", r.line, roomsFile)
	}
	return ""
}
