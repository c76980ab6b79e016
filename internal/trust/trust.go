// Package trust is whom the appliance believes when somebody shows a certificate: the authorities that Mozilla
// trusts, as of the version of the module that has them. There is no file of them on the disk, so no service needs to
// read one.
package trust

import (
	"crypto/x509"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// Roots returns a new pool of the authorities, with what some of them may vouch for. The error is that of one that
// cannot be read; the others are in the pool.
func Roots() (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	var problem error
	for root := range bundle.Roots() {
		cert, err := x509.ParseCertificate(root.Certificate)
		switch {
		case err != nil:
			problem = err
		case root.Constraint != nil:
			pool.AddCertWithConstraint(cert, root.Constraint)
		default:
			pool.AddCert(cert)
		}
	}
	return pool, problem
}
