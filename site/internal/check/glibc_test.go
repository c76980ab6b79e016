package check

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/gatehouse-os/gatehouse/site/internal/model"
	"github.com/gatehouse-os/gatehouse/site/internal/source"
)

// What the C library itself makes of hosts and ethers, as getent(1) shows it, with
// the files in the place of /etc in a mount namespace of their own.

const glibcHosts = "# a comment\n" +
	"192.168.32.11\tweb1.home.example   web1#not-an-alias more\n" +
	"  192.168.32.12 web2 web2.home.example\t# a comment\n" +
	"\t\v192.168.32.13\fdb1\r\n" +
	"\n \t\n" +
	"::ffff:192.168.32.14 mapped\n" +
	"#192.168.32.15 commented\n" +
	"192.168.032.16 octal\n" +
	"192.168.32 short\n" +
	"192.168.32.300 large\n" +
	"name 192.168.32.17\n" +
	"192.168.32.18 a b\tc d\n" +
	"192.168.32.19 last"

const glibcEthers = "# a comment\n" +
	"0:16:3E:20:0:11\tweb1#comment\n" +
	"  00:16:3e:20:00:12   web2   \r\n" +
	"#00:16:3e:20:00:13 commented\n" +
	"00:16:3e:20:00:1 one-digit\n" +
	"00:16:3e:20:00 short\n" +
	"00-16-3e-20-00-14 hyphens\n" +
	"00:16:3e:20:00:100 large\n" +
	"00:16:3e:20:00:15 last"

// TestHostsLikeTheCLibrary compares the lines that we accept with those that the C
// library does; those that it skips we report.
func TestHostsLikeTheCLibrary(t *testing.T) {
	var want []string
	for line := range strings.Lines(getent(t, "getent hosts")) {
		fields := strings.Fields(line)
		want = append(want, fields[0]+" "+strings.Join(fields[1:], " "))
	}
	var problem source.Reporter
	var got []string
	for _, line := range readHosts(source.New(source.Hosts, glibcHosts), "", "", &problem) {
		if line.addr.IsValid() {
			names := []string{line.addr.String()}
			for _, name := range line.names {
				names = append(names, name.Text)
			}
			got = append(got, strings.Join(names, " "))
		}
	}
	if !slices.Equal(got, want) || len(want) != 6 {
		t.Errorf("we read\n%s\nthe C library\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if n := problem.Count(); n != 4 {
		t.Errorf("%d problems, want one for each of the 4 lines that the C library skips:\n%v", n, problem.Problems())
	}
}

func TestEthersLikeTheCLibrary(t *testing.T) {
	var names []string
	for line := range strings.Lines(strings.ReplaceAll(glibcEthers, "#", "\n")) {
		if fields := strings.Fields(line); len(fields) > 0 {
			names = append(names, fields[len(fields)-1])
		}
	}
	want := map[string]model.MAC{}
	for line := range strings.Lines(getent(t, "for n in "+strings.Join(names, " ")+"; do getent ethers $n || true; done")) {
		fields := strings.Fields(line)
		mac, reason := model.ParseMAC(fields[0])
		if reason != "" {
			t.Fatalf("getent says %q, which %s", line, reason)
		}
		want[fields[1]] = mac
	}
	var problem source.Reporter
	got := map[string]model.MAC{}
	for _, line := range readEthers(source.New(source.Ethers, glibcEthers), "", &problem) {
		if line.mac != (model.MAC{}) {
			got[line.name] = line.mac
		}
	}
	if len(want) != 4 || len(got) != len(want) {
		t.Errorf("we read %v, the C library %v", got, want)
	}
	for name, mac := range want {
		if got[name] != mac {
			t.Errorf("%s is %s, for the C library %s", name, got[name], mac)
		}
	}
	if n := problem.Count(); n != 3 {
		t.Errorf("%d problems, want one for each of the 3 lines that the C library skips:\n%v", n, problem.Problems())
	}
}

// getent runs a script with glibcHosts and glibcEthers in /etc.
func getent(t *testing.T, script string) string {
	t.Helper()
	etc := t.TempDir()
	for name, text := range map[string]string{
		"nsswitch.conf": "hosts: files\nethers: files\n",
		"hosts":         glibcHosts,
		"ethers":        glibcEthers,
	} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("unshare", "--user", "--map-root-user", "--mount", "sh", "-ec", `mount --bind "$0" /etc; `+script, etc)
	if os.Geteuid() == 0 {
		cmd.Args = slices.DeleteFunc(cmd.Args, func(arg string) bool { return arg == "--user" || arg == "--map-root-user" })
	}
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("this test needs unshare (util-linux), getent (libc-bin), and root or user namespaces: %v", err)
	}
	return string(out)
}
