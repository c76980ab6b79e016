package main

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"time"

	"github.com/gatehouse-os/gatehouse/services/dhcp"
	"github.com/gatehouse-os/gatehouse/services/dhcp/lease"
	"github.com/gatehouse-os/gatehouse/services/dhcp/leasefile"
	dhcprun "github.com/gatehouse-os/gatehouse/services/dhcp/run"
)

// The pool that everybody serves.
const (
	poolFirst = "10.1.0.0"
	poolLast  = "10.200.255.255"
	lifetime  = time.Hour
)

// A server is one of those compared. command returns how to start it with its files
// in a directory.
type server struct {
	name    string
	command func(dir string) (args, env []string, err error)
}

func ours(self string) server {
	return server{"gatehouse", func(dir string) ([]string, []string, error) {
		return []string{self, "-serve", dir}, nil, nil
	}}
}

// serve is our server.
func serve(ctx context.Context, dir string, stderr io.Writer) error {
	ip := netip.MustParseAddr
	service, err := dhcprun.Open(dhcp.Config{Subnets: []dhcp.Subnet{{
		Name: "bench", Interface: serverLink, Address: ip(serverAddr), Prefix: netip.MustParsePrefix("10.0.0.0/8"), Router: ip(serverAddr),
		Pool: []lease.Range{{First: ip(poolFirst), Last: ip(poolLast)}}, LeaseTime: lifetime,
	}}}, dhcprun.Options{FS: leasefile.Dir(dir), Log: slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelError}))})
	if err != nil {
		return err
	}
	nothing := func() error { return nil }
	return service.Run(ctx, nothing, nothing)
}

func kea() server {
	return server{"Kea memfile", func(dir string) ([]string, []string, error) {
		conf, err := json.Marshal(map[string]any{"Dhcp4": map[string]any{
			"interfaces-config": map[string]any{"interfaces": []string{serverLink}},
			"lease-database":    map[string]any{"type": "memfile", "persist": true, "name": filepath.Join(dir, "leases.csv"), "lfc-interval": 0},
			"valid-lifetime":    int(lifetime / time.Second),
			"loggers":           []any{map[string]any{"name": "kea-dhcp4", "severity": "FATAL", "output_options": []any{map[string]any{"output": "stderr"}}}},
			"subnet4": []any{map[string]any{"subnet": "10.0.0.0/8", "pools": []any{map[string]any{"pool": poolFirst + "-" + poolLast}},
				"option-data": []any{map[string]any{"name": "routers", "data": serverAddr}}}},
		}})
		if err != nil {
			return nil, nil, err
		}
		path := filepath.Join(dir, "kea.conf")
		if err := os.WriteFile(path, conf, 0o600); err != nil {
			return nil, nil, err
		}
		return []string{"kea-dhcp4", "-c", path}, []string{"KEA_PIDFILE_DIR=" + dir, "KEA_LOCKFILE_DIR=" + dir}, nil
	}}
}

func dnsmasq() server {
	return server{"dnsmasq", func(dir string) ([]string, []string, error) {
		return []string{"dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--user=root", "--pid-file=", "--quiet-dhcp", "--no-ping",
			"--interface=" + serverLink, "--dhcp-range=" + poolFirst + "," + poolLast + ",255.0.0.0,1h", "--dhcp-lease-max=1000000",
			"--dhcp-authoritative", "--dhcp-leasefile=" + filepath.Join(dir, "leases")}, nil, nil
	}}
}
