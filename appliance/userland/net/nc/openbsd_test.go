package nc_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/internal/testnet"
)

// network is what each line has for itself.
const network = `/sbin/ip link set lo up
/sbin/ip link add eth0 type veth peer name far0
/sbin/ip link set eth0 up
/sbin/ip link set far0 up
/sbin/ip addr add 192.0.2.1/24 dev eth0
/sbin/ip neigh add 192.0.2.9 lladdr 02:00:00:00:00:09 dev eth0 nud permanent
up() { # until somebody listens
	i=0
	while [ $i -lt 200 ] && ! cat /proc/net/tcp /proc/net/tcp6 /proc/net/udp /proc/net/udp6 | grep -qE ' 0[7A] '; do
		sleep 0.05
		i=$((i+1))
	done
}
`

// said are the lines of nc itself among what is complained about; usage is everybody's own,
// and ours listens on both families.
var said = regexp.MustCompile(`(?i)^(nc: connect to .* failed: .*|Connect.*)$`)

func runOpenBSD(t *testing.T, program, line string) string {
	t.Helper()
	bin, dir := t.TempDir(), t.TempDir()
	if err := os.Symlink(program, filepath.Join(bin, "nc")); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{"hi": "hi\n", "end": "end\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, testnet.Need(t, "unshare", "util-linux"), "-n", "/bin/dash", "-c", network+line)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	cmd.Env = []string{"PATH=" + bin + ":/usr/bin:/bin", "LC_ALL=C"}
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatal(err, ctx.Err())
	}
	var b strings.Builder
	b.WriteString(out.String())
	for text := range strings.Lines(complaints.String()) {
		if text = strings.TrimSpace(text); said.MatchString(text) {
			fmt.Fprintln(&b, strings.ToLower(text))
		}
	}
	return b.String()
}

// TestOpenBSD: what people type of OpenBSD's nc does what it does.
func TestOpenBSD(t *testing.T) {
	theirs := testnet.Need(t, "nc.openbsd", "netcat-openbsd")
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("testdata/openbsd.txt")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if line[0] == '#' {
			continue
		}
		t.Run(strings.TrimSpace(line), func(t *testing.T) {
			t.Parallel()
			if ours, want := runOpenBSD(t, own, line), runOpenBSD(t, theirs, line); ours != want {
				t.Errorf("ours:\n%s\nOpenBSD's:\n%s", ours, want)
			}
		})
	}
}
