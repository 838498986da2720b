/// The version of the package: of the command, the libraries, the C interface and the Python package.
package let espalierVersion = "0.1.0"
