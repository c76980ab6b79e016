package image

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/roster"
)

// user is an account of the appliance. Its group has the same name and number.
type user struct {
	name, home, shell string
	id                int
}

// users has an account for each service that does not run as root. There are no passwords: people come in by
// ssh with a key, or by the console.
func users() []user {
	all := []user{{"root", "/root", "/bin/sh", 0}, {"nobody", "/", "/bin/false", 65534}}
	for _, s := range roster.All() {
		if s.UID != 0 {
			all = append(all, user{s.Name, "/", "/bin/false", s.UID})
		}
	}
	slices.SortFunc(all, func(a, b user) int { return cmp.Compare(a.id, b.id) })
	return all
}

func passwd() string {
	var b strings.Builder
	for _, u := range users() {
		fmt.Fprintf(&b, "%s:x:%d:%d::%s:%s\n", u.name, u.id, u.id, u.home, u.shell)
	}
	return b.String()
}

// group has, besides the users' groups, the one that owns terminals (pts(4)).
func group() string {
	var b strings.Builder
	b.WriteString("tty:x:5:\n")
	for _, u := range users() {
		fmt.Fprintf(&b, "%s:x:%d:\n", u.name, u.id)
	}
	return b.String()
}

// profile is what an interactive shell begins with: the first one of a login greets.
const profile = `if [ -z "$GATEHOUSE_GREETED" ]; then
	export GATEHOUSE_GREETED=1
	gatehouse greet
fi
`

// osRelease returns os-release(5).
func osRelease(version string) string {
	version = strings.NewReplacer(`\`, `\\`, `"`, `\"`, `$`, `\$`, "`", "\\`", "\n", " ").Replace(version)
	return fmt.Sprintf("NAME=\"Gatehouse\"\nID=gatehouse\nVERSION=\"%s\"\nPRETTY_NAME=\"Gatehouse %[1]s\"\n",
		version)
}
