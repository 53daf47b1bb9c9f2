// csi-sanity runs the suite of kubernetes-csi/csi-test against a driver of inline ephemeral volumes.
//
// Such a driver has no controller: kubelet itself makes the volume, out of what the pod says. The suite
// asks a controller for the volumes that its node specs use, so this program stands in for kubelet and
// answers CreateVolume with the attributes that a pod would have. Everything else goes to the driver.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"net"
	"os"
	"path/filepath"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"github.com/kubernetes-csi/csi-test/v5/pkg/sanity"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
)

// kubelet makes volumes; it also hands calls on to the driver, so that one address serves all.
type kubelet struct {
	csi.UnimplementedControllerServer
	csi.UnimplementedIdentityServer
	csi.UnimplementedNodeServer
	attributes map[string]string
	identity   csi.IdentityClient
	node       csi.NodeClient
}

func (k *kubelet) CreateVolume(_ context.Context, r *csi.CreateVolumeRequest) (*csi.CreateVolumeResponse, error) {
	return &csi.CreateVolumeResponse{
		Volume: &csi.Volume{VolumeId: "csi-" + r.GetName(), VolumeContext: k.attributes},
	}, nil
}

func (k *kubelet) DeleteVolume(context.Context, *csi.DeleteVolumeRequest) (*csi.DeleteVolumeResponse, error) {
	return &csi.DeleteVolumeResponse{}, nil
}

func (k *kubelet) ControllerGetCapabilities(context.Context, *csi.ControllerGetCapabilitiesRequest) (*csi.ControllerGetCapabilitiesResponse, error) {
	return &csi.ControllerGetCapabilitiesResponse{
		Capabilities: []*csi.ControllerServiceCapability{{
			Type: &csi.ControllerServiceCapability_Rpc{Rpc: &csi.ControllerServiceCapability_RPC{
				Type: csi.ControllerServiceCapability_RPC_CREATE_DELETE_VOLUME,
			}},
		}},
	}, nil
}

// The driver's own capabilities, and the controller, without which the suite leaves out its longest specs.
func (k *kubelet) GetPluginCapabilities(ctx context.Context, r *csi.GetPluginCapabilitiesRequest) (*csi.GetPluginCapabilitiesResponse, error) {
	own, err := k.identity.GetPluginCapabilities(ctx, r)
	if err != nil {
		return nil, err
	}
	own.Capabilities = append(own.Capabilities, &csi.PluginCapability{
		Type: &csi.PluginCapability_Service_{Service: &csi.PluginCapability_Service{
			Type: csi.PluginCapability_Service_CONTROLLER_SERVICE,
		}},
	})
	return own, nil
}

func (k *kubelet) GetPluginInfo(ctx context.Context, r *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	return k.identity.GetPluginInfo(ctx, r)
}

func (k *kubelet) Probe(ctx context.Context, r *csi.ProbeRequest) (*csi.ProbeResponse, error) {
	return k.identity.Probe(ctx, r)
}

func (k *kubelet) NodePublishVolume(ctx context.Context, r *csi.NodePublishVolumeRequest) (*csi.NodePublishVolumeResponse, error) {
	return k.node.NodePublishVolume(ctx, r)
}

func (k *kubelet) NodeUnpublishVolume(ctx context.Context, r *csi.NodeUnpublishVolumeRequest) (*csi.NodeUnpublishVolumeResponse, error) {
	return k.node.NodeUnpublishVolume(ctx, r)
}

func (k *kubelet) NodeGetVolumeStats(ctx context.Context, r *csi.NodeGetVolumeStatsRequest) (*csi.NodeGetVolumeStatsResponse, error) {
	return k.node.NodeGetVolumeStats(ctx, r)
}

func (k *kubelet) NodeGetCapabilities(ctx context.Context, r *csi.NodeGetCapabilitiesRequest) (*csi.NodeGetCapabilitiesResponse, error) {
	return k.node.NodeGetCapabilities(ctx, r)
}

func (k *kubelet) NodeGetInfo(ctx context.Context, r *csi.NodeGetInfoRequest) (*csi.NodeGetInfoResponse, error) {
	return k.node.NodeGetInfo(ctx, r)
}

// serve listens on a socket of its own and returns its address.
func (k *kubelet) serve(path string) (string, error) {
	listener, err := net.Listen("unix", path)
	if err != nil {
		return "", err
	}
	server := grpc.NewServer()
	csi.RegisterControllerServer(server, k)
	csi.RegisterIdentityServer(server, k)
	csi.RegisterNodeServer(server, k)
	go func() { log.Fatal(server.Serve(listener)) }()
	return "unix://" + path, nil
}

type verdict struct{ failed bool }

func (v *verdict) Fail() { v.failed = true }

func main() {
	endpoint := flag.String("endpoint", "", "the driver's socket")
	mounts := flag.String("mountdir", "", "a directory, to be made, below which volumes are mounted")
	attributes := flag.String("attributes", "{}", "volume attributes and what kubelet adds, as a JSON object")
	direct := flag.Bool("direct", false, "ask the driver itself who it is; the suite then leaves out what needs a controller")
	flag.Parse()

	connection, err := grpc.NewClient("unix://"+*endpoint, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		log.Fatal(err)
	}
	standIn := &kubelet{identity: csi.NewIdentityClient(connection), node: csi.NewNodeClient(connection)}
	if err := json.Unmarshal([]byte(*attributes), &standIn.attributes); err != nil {
		log.Fatalf("--attributes: %v", err)
	}
	scratch, err := os.MkdirTemp("", "csi-sanity-")
	if err != nil {
		log.Fatal(err)
	}
	address, err := standIn.serve(filepath.Join(scratch, "kubelet.sock"))
	if err != nil {
		log.Fatal(err)
	}

	config := sanity.NewTestConfig()
	config.Address = address
	if *direct {
		config.Address = "unix://" + *endpoint
	}
	config.ControllerAddress = address
	config.TargetPath = *mounts
	config.StagingPath = filepath.Join(scratch, "staging")
	v := &verdict{}
	sanity.Test(v, config)
	os.RemoveAll(scratch)
	if v.failed {
		os.Exit(1)
	}
}
