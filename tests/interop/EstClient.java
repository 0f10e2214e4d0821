import java.io.FileReader;
import java.io.FileWriter;
import java.net.Socket;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.util.Collections;
import java.util.HashMap;
import java.util.Map;

import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PrivateKeyInfo;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.est.CSRRequestResponse;
import org.bouncycastle.est.ESTAuth;
import org.bouncycastle.est.ESTException;
import org.bouncycastle.est.ESTService;
import org.bouncycastle.est.EnrollmentResponse;
import org.bouncycastle.est.jcajce.ChannelBindingProvider;
import org.bouncycastle.est.jcajce.JcaHttpAuthBuilder;
import org.bouncycastle.est.jcajce.JcaJceUtils;
import org.bouncycastle.est.jcajce.JsseESTServiceBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.jsse.BCSSLSocket;
import org.bouncycastle.jsse.provider.BouncyCastleJsseProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.PKCS10CertificationRequestBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.bouncycastle.util.Store;
import org.bouncycastle.util.io.pem.PemObject;
import org.bouncycastle.util.io.pem.PemWriter;

/**
 * Bouncy Castle's EST client, for one operation; see test_bouncycastle.py. What came of it is one
 * line on standard output; certificates and keys go into files.
 *
 * <p>usage: EstClient OPERATION NAME=VALUE...
 */
public final class EstClient {
    private final Map<String, String> options = new HashMap<>();

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        Security.addProvider(new BouncyCastleJsseProvider());
        EstClient client = new EstClient();
        for (int i = 1; i < arguments.length; i++) {
            String[] parts = arguments[i].split("=", 2);
            client.options.put(parts[0], parts[1]);
        }
        try {
            System.out.println(client.run(arguments[0]));
        } catch (ESTException refused) {
            System.out.println("refused " + refused.getStatusCode() + " " + refused.getMessage());
        }
    }

    private String run(String operation) throws Exception {
        ESTService service = connect();
        switch (operation) {
            case "cacerts":
                return "certificates " + write("out", service.getCACerts().getCertificateStore());
            case "csrattrs":
                return attributes(service.getCSRAttributes());
            default:
                return enrolled(service, enrol(service, operation));
        }
    }

    // TLS.

    private ESTService connect() throws Exception {
        X509Certificate root = readCertificate("root");
        JsseESTServiceBuilder builder = new JsseESTServiceBuilder(
            options.get("server"),
            JcaJceUtils.getCertPathTrustManager(
                Collections.singleton(new TrustAnchor(root, null)), null));
        builder.withTLSVersion(options.getOrDefault("tls", "TLS")).withTimeout(60000);
        if (options.containsKey("label")) {
            builder.withLabel(options.get("label"));
        }
        if (options.containsKey("certificate")) {
            builder.withKeyManagers(JcaJceUtils.createKeyManagerFactory(
                "PKIX", "BCJSSE", ownKeys(), new char[0]).getKeyManagers());
        }
        return builder.withProvider("BCJSSE").withChannelBindingProvider(new Binding()).build();
    }

    private KeyStore ownKeys() throws Exception {
        KeyStore keys = KeyStore.getInstance("PKCS12", "BC");
        keys.load(null, null);
        keys.setKeyEntry("own", readKey("own-key"), new char[0],
            new X509Certificate[] {readCertificate("certificate")});
        return keys;
    }

    /** RFC 7030 3.5: what ties a request to its connection. */
    private static final class Binding implements ChannelBindingProvider {
        @Override
        public boolean canAccessChannelBinding(Socket socket) {
            return socket instanceof BCSSLSocket;
        }

        @Override
        public byte[] getChannelBinding(Socket socket, String kind) {
            return ((BCSSLSocket) socket).getConnection().getChannelBinding(kind);
        }
    }

    // Operations.

    private EnrollmentResponse enrol(ESTService service, String operation) throws Exception {
        KeyPair pair = makeKey();
        PKCS10CertificationRequestBuilder request = request(pair);
        ContentSigner signer =
            new JcaContentSignerBuilder("SHA256withECDSA").setProvider("BC").build(pair.getPrivate());
        writeKey(PrivateKeyInfo.getInstance(pair.getPrivate().getEncoded()));
        switch (operation) {
            case "simpleenroll":
                return service.simpleEnroll(false, request.build(signer), password());
            case "simplereenroll":
                return service.simpleEnroll(true, request.build(signer), password());
            case "bound":
                return service.simpleEnrollPoP(false, request, signer, password());
            case "serverkeygen":
                return service.simpleEnrollWithServersideCreation(request.build(signer), password());
            default:
                throw new IllegalArgumentException(operation);
        }
    }

    /** Asks again as long as it is told to (RFC 7030 4.2.3). */
    private String enrolled(ESTService service, EnrollmentResponse first) throws Exception {
        EnrollmentResponse response = first;
        int times = 0;
        while (!response.isCompleted()) {
            Thread.sleep(Math.max(0, response.getNotBefore() - System.currentTimeMillis()));
            response = service.simpleEnroll(response);
            times++;
        }
        if (response.getPrivateKeyInfo() != null) {
            writeKey(response.getPrivateKeyInfo());
        }
        int count = write("out", response.getStore());
        return "certificates " + count + (times > 0 ? " later" : "");
    }

    private static String attributes(CSRRequestResponse response) throws Exception {
        if (!response.hasAttributesResponse()) {
            return "attributes none";
        }
        StringBuilder line = new StringBuilder("attributes");
        for (ASN1ObjectIdentifier oid : response.getAttributesResponse().getRequirements()) {
            line.append(' ').append(oid);
        }
        return line.toString();
    }

    private KeyPair makeKey() throws Exception {
        if (options.containsKey("key")) {
            return new KeyPair(readCertificate("certificate").getPublicKey(), readKey("key"));
        }
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "BC");
        generator.initialize(new ECGenParameterSpec("secp256r1"));
        return generator.generateKeyPair();
    }

    private PKCS10CertificationRequestBuilder request(KeyPair pair) throws Exception {
        String name = options.get("name");
        ExtensionsGenerator extensions = new ExtensionsGenerator();
        extensions.addExtension(Extension.subjectAlternativeName, false,
            new GeneralNames(new GeneralName(GeneralName.dNSName, name)));
        return new JcaPKCS10CertificationRequestBuilder(new X500Name("CN=" + name), pair.getPublic())
            .addAttribute(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest, extensions.generate());
    }

    private ESTAuth password() throws Exception {
        if (!options.containsKey("user")) {
            return null;
        }
        return new JcaHttpAuthBuilder(options.get("user"), options.get("password").toCharArray())
            .setNonceGenerator(new SecureRandom()).setProvider("BC").build();
    }

    // Files.

    private int write(String option, Store<X509CertificateHolder> store) throws Exception {
        int count = 0;
        try (JcaPEMWriter out = new JcaPEMWriter(new FileWriter(options.get(option)))) {
            for (X509CertificateHolder certificate : store.getMatches(null)) {
                out.writeObject(certificate);
                count++;
            }
        }
        return count;
    }

    private void writeKey(PrivateKeyInfo key) throws Exception {
        try (PemWriter out = new PemWriter(new FileWriter(options.get("key-out")))) {
            out.writeObject(new PemObject("PRIVATE KEY", key.getEncoded()));
        }
    }

    private X509Certificate readCertificate(String option) throws Exception {
        try (PEMParser in = new PEMParser(new FileReader(options.get(option)))) {
            return new JcaX509CertificateConverter().setProvider("BC")
                .getCertificate((X509CertificateHolder) in.readObject());
        }
    }

    private PrivateKey readKey(String option) throws Exception {
        try (PEMParser in = new PEMParser(new FileReader(options.get(option)))) {
            return new JcaPEMKeyConverter().setProvider("BC")
                .getPrivateKey((PrivateKeyInfo) in.readObject());
        }
    }
}
