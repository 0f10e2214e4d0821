import java.io.FileReader;
import java.io.FileWriter;
import java.io.InputStream;
import java.math.BigInteger;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.security.KeyPair;
import java.security.KeyPairGenerator;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.Security;
import java.security.cert.X509Certificate;
import java.security.spec.ECGenParameterSpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

import org.bouncycastle.asn1.ASN1Encodable;
import org.bouncycastle.asn1.ASN1Integer;
import org.bouncycastle.asn1.ASN1ObjectIdentifier;
import org.bouncycastle.asn1.DEROctetString;
import org.bouncycastle.asn1.DERSequence;
import org.bouncycastle.asn1.DERSet;
import org.bouncycastle.asn1.DERUTF8String;
import org.bouncycastle.asn1.cmc.BodyPartID;
import org.bouncycastle.asn1.cmc.CMCObjectIdentifiers;
import org.bouncycastle.asn1.cmc.CMCFailInfo;
import org.bouncycastle.asn1.cmc.CMCStatusInfoV2;
import org.bouncycastle.asn1.cmc.CertificationRequest;
import org.bouncycastle.asn1.cmc.IdentityProofV2;
import org.bouncycastle.asn1.cmc.OtherMsg;
import org.bouncycastle.asn1.cmc.OtherStatusInfo;
import org.bouncycastle.asn1.cmc.PKIData;
import org.bouncycastle.asn1.cmc.PKIResponse;
import org.bouncycastle.asn1.cmc.PendInfo;
import org.bouncycastle.asn1.cmc.TaggedAttribute;
import org.bouncycastle.asn1.cmc.TaggedCertificationRequest;
import org.bouncycastle.asn1.cmc.TaggedContentInfo;
import org.bouncycastle.asn1.cmc.TaggedRequest;
import org.bouncycastle.asn1.nist.NISTObjectIdentifiers;
import org.bouncycastle.asn1.pkcs.PKCSObjectIdentifiers;
import org.bouncycastle.asn1.x500.X500Name;
import org.bouncycastle.asn1.x509.AlgorithmIdentifier;
import org.bouncycastle.asn1.x509.Extension;
import org.bouncycastle.asn1.x509.ExtensionsGenerator;
import org.bouncycastle.asn1.x509.GeneralName;
import org.bouncycastle.asn1.x509.GeneralNames;
import org.bouncycastle.cert.X509CertificateHolder;
import org.bouncycastle.cert.crmf.jcajce.JcaCertificateRequestMessageBuilder;
import org.bouncycastle.cert.jcajce.JcaX509CertificateConverter;
import org.bouncycastle.cert.jcajce.JcaX509ExtensionUtils;
import org.bouncycastle.cms.CMSProcessableByteArray;
import org.bouncycastle.cms.CMSSignedData;
import org.bouncycastle.cms.CMSSignedDataGenerator;
import org.bouncycastle.cms.SignerInformation;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoGeneratorBuilder;
import org.bouncycastle.cms.jcajce.JcaSimpleSignerInfoVerifierBuilder;
import org.bouncycastle.jce.provider.BouncyCastleProvider;
import org.bouncycastle.openssl.PEMParser;
import org.bouncycastle.openssl.jcajce.JcaPEMKeyConverter;
import org.bouncycastle.openssl.jcajce.JcaPEMWriter;
import org.bouncycastle.operator.ContentSigner;
import org.bouncycastle.operator.jcajce.JcaContentSignerBuilder;
import org.bouncycastle.pkcs.jcajce.JcaPKCS10CertificationRequestBuilder;
import org.bouncycastle.util.Store;
import org.bouncycastle.util.encoders.Hex;

/**
 * A client of Full CMC out of Bouncy Castle's parts, over Java's own TLS; see
 * test_bouncycastle_cmc.py. What came of it is one line on standard output.
 *
 * <p>usage: CmcClient FORM NAME=VALUE..., FORM being pkcs10, crmf or query
 */
public final class CmcClient {
    private static final ASN1ObjectIdentifier PKI_DATA =
        new ASN1ObjectIdentifier("1.3.6.1.5.5.7.12.2");
    private static final String PKI_RESPONSE = "1.3.6.1.5.5.7.12.3";
    private static final long REQUEST = 100; // a bodyPartID

    private final Map<String, String> options = new HashMap<>();
    private final List<TaggedAttribute> controls = new ArrayList<>();
    private final byte[] nonce = new byte[16];
    private KeyPair pair;

    public static void main(String[] arguments) throws Exception {
        Security.addProvider(new BouncyCastleProvider());
        CmcClient client = new CmcClient();
        for (int i = 1; i < arguments.length; i++) {
            String[] parts = arguments[i].split("=", 2);
            client.options.put(parts[0], parts[1]);
        }
        System.out.println(client.run(arguments[0]));
    }

    private String run(String form) throws Exception {
        pair = makeKey();
        new SecureRandom().nextBytes(nonce);
        control(CMCObjectIdentifiers.id_cmc_transactionId, new ASN1Integer(42));
        control(CMCObjectIdentifiers.id_cmc_senderNonce, new DEROctetString(nonce));
        List<TaggedRequest> requests = new ArrayList<>();
        if (form.equals("query")) {
            control(CMCObjectIdentifiers.id_cmc_queryPending,
                new DEROctetString(Hex.decode(options.get("token"))));
        } else {
            requests.add(form.equals("crmf") ? crmf() : pkcs10());
        }
        if (options.containsKey("secret")) {
            prove(requests);
        }
        PKIData data = new PKIData(controls.toArray(new TaggedAttribute[0]),
            requests.toArray(new TaggedRequest[0]), new TaggedContentInfo[0], new OtherMsg[0]);
        return answer(sign(data.getEncoded("DER")));
    }

    // The request.

    private void control(ASN1ObjectIdentifier kind, ASN1Encodable value) {
        controls.add(new TaggedAttribute(
            new BodyPartID(controls.size() + 1), kind, new DERSet(value)));
    }

    private X500Name subject() {
        return new X500Name("CN=" + options.get("name"));
    }

    private GeneralNames names() {
        return new GeneralNames(new GeneralName(GeneralName.dNSName, options.get("name")));
    }

    private ContentSigner signer() throws Exception {
        return new JcaContentSignerBuilder("SHA256withECDSA").setProvider("BC")
            .build(pair.getPrivate());
    }

    private TaggedRequest pkcs10() throws Exception {
        ExtensionsGenerator extensions = new ExtensionsGenerator();
        extensions.addExtension(Extension.subjectAlternativeName, false, names());
        byte[] request = new JcaPKCS10CertificationRequestBuilder(subject(), pair.getPublic())
            .addAttribute(PKCSObjectIdentifiers.pkcs_9_at_extensionRequest, extensions.generate())
            .build(signer()).getEncoded();
        return new TaggedRequest(new TaggedCertificationRequest(
            new BodyPartID(REQUEST), CertificationRequest.getInstance(request)));
    }

    private TaggedRequest crmf() throws Exception {
        JcaCertificateRequestMessageBuilder builder =
            new JcaCertificateRequestMessageBuilder(BigInteger.valueOf(REQUEST));
        builder.setSubject(subject()).addExtension(
            Extension.subjectAlternativeName, false, names());
        builder.setPublicKey(pair.getPublic());
        builder.setProofOfPossessionSigningKeySigner(signer());
        return new TaggedRequest(builder.build().toASN1Structure());
    }

    /** RFC 5272 6.2.1. */
    private void prove(List<TaggedRequest> requests) throws Exception {
        MessageDigest hash = MessageDigest.getInstance("SHA-256");
        hash.update(options.get("secret").getBytes(StandardCharsets.UTF_8));
        hash.update(options.get("identification").getBytes(StandardCharsets.UTF_8));
        Mac mac = Mac.getInstance("HmacSHA256");
        mac.init(new SecretKeySpec(hash.digest(), "HmacSHA256"));
        byte[] sequence =
            new DERSequence(requests.toArray(new TaggedRequest[0])).getEncoded("DER");
        control(CMCObjectIdentifiers.id_cmc_identification,
            new DERUTF8String(options.get("identification")));
        control(CMCObjectIdentifiers.id_cmc_identityProofV2, new IdentityProofV2(
            new AlgorithmIdentifier(NISTObjectIdentifiers.id_sha256),
            new AlgorithmIdentifier(PKCSObjectIdentifiers.id_hmacWithSHA256),
            mac.doFinal(sequence)));
    }

    /** By the certificate that is shown in TLS, or else by the key that one is asked for. */
    private byte[] sign(byte[] content) throws Exception {
        CMSSignedDataGenerator generator = new CMSSignedDataGenerator();
        JcaSimpleSignerInfoGeneratorBuilder builder =
            new JcaSimpleSignerInfoGeneratorBuilder().setProvider("BC");
        if (options.containsKey("certificate")) {
            generator.addSignerInfoGenerator(builder.build(
                "SHA256withECDSA", readKey("own-key"), readCertificate("certificate")));
        } else {
            byte[] key = new JcaX509ExtensionUtils().createSubjectKeyIdentifier(pair.getPublic())
                .getKeyIdentifier();
            generator.addSignerInfoGenerator(
                builder.build("SHA256withECDSA", pair.getPrivate(), key));
        }
        return generator.generate(new CMSProcessableByteArray(PKI_DATA, content), true)
            .getEncoded();
    }

    // The answer.

    private String answer(byte[] message) throws Exception {
        HttpsURLConnection connection = connect();
        connection.getOutputStream().write(Base64.getMimeEncoder().encode(message));
        int status = connection.getResponseCode();
        try (InputStream in = status >= 400 ? connection.getErrorStream()
                 : connection.getInputStream()) {
            return status + " " + read(Base64.getMimeDecoder().decode(in.readAllBytes()));
        }
    }

    private String read(byte[] octets) throws Exception {
        CMSSignedData message = new CMSSignedData(octets);
        verify(message);
        if (!message.getSignedContentTypeOID().equals(PKI_RESPONSE)) {
            return "no PKIResponse";
        }
        PKIResponse response = PKIResponse.getInstance(message.getSignedContent().getContent());
        String line = "no status";
        for (ASN1Encodable each : response.getControlSequence()) {
            TaggedAttribute control = TaggedAttribute.getInstance(each);
            ASN1Encodable value = control.getAttrValues().getObjectAt(0);
            if (control.getAttrType().equals(CMCObjectIdentifiers.id_cmc_statusInfoV2)) {
                line = describe(CMCStatusInfoV2.getInstance(value));
            } else if (control.getAttrType().equals(CMCObjectIdentifiers.id_cmc_recipientNonce)
                       && !value.equals(new DEROctetString(nonce))) {
                return "another's nonce";
            }
        }
        return line + " " + write(message.getCertificates());
    }

    private static String describe(CMCStatusInfoV2 info) {
        String line = "status " + info.getcMCStatus().toASN1Primitive() + " about "
            + info.getBodyList().length;
        OtherStatusInfo other = info.getOtherStatusInfo();
        if (other == null) {
            return line;
        }
        if (other.isFailInfo()) {
            return line + " failure " + CMCFailInfo.getInstance(other.toASN1Primitive())
                .toASN1Primitive();
        }
        PendInfo pending = PendInfo.getInstance(other.toASN1Primitive());
        return line + " token " + Hex.toHexString(pending.getPendToken());
    }

    /** The signer is in the message, and is what the root vouches for as the TLS server. */
    private void verify(CMSSignedData message) throws Exception {
        Store<X509CertificateHolder> certificates = message.getCertificates();
        for (SignerInformation signer : message.getSignerInfos().getSigners()) {
            @SuppressWarnings("unchecked")
            X509CertificateHolder holder =
                (X509CertificateHolder) certificates.getMatches(signer.getSID()).iterator().next();
            if (!signer.verify(new JcaSimpleSignerInfoVerifierBuilder().setProvider("BC")
                    .build(holder))) {
                throw new IllegalStateException("the answer's signature is wrong");
            }
        }
    }

    /** The certificate for our key goes into a file; whether there is one. */
    private String write(Store<X509CertificateHolder> certificates) throws Exception {
        for (X509CertificateHolder holder : certificates.getMatches(null)) {
            X509Certificate certificate =
                new JcaX509CertificateConverter().setProvider("BC").getCertificate(holder);
            if (certificate.getPublicKey().equals(pair.getPublic())) {
                try (JcaPEMWriter out = new JcaPEMWriter(new FileWriter(options.get("out")))) {
                    out.writeObject(certificate);
                }
                return "certificate";
            }
        }
        return "nothing";
    }

    // TLS.

    private HttpsURLConnection connect() throws Exception {
        KeyStore trusted = KeyStore.getInstance("PKCS12");
        trusted.load(null, null);
        trusted.setCertificateEntry("root", readCertificate("root"));
        TrustManagerFactory trust = TrustManagerFactory.getInstance("PKIX");
        trust.init(trusted);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(ownKeys(), trust.getTrustManagers(), null);
        HttpsURLConnection connection = (HttpsURLConnection) URI.create("https://"
            + options.get("server") + "/.well-known/est/" + options.get("label") + "/fullcmc")
            .toURL().openConnection();
        connection.setSSLSocketFactory(context.getSocketFactory());
        connection.setDoOutput(true);
        connection.setRequestProperty(
            "Content-Type", "application/pkcs7-mime; smime-type=CMC-request");
        if (options.containsKey("user")) {
            String login = options.get("user") + ":" + options.get("password");
            connection.setRequestProperty("Authorization", "Basic "
                + Base64.getEncoder().encodeToString(login.getBytes(StandardCharsets.UTF_8)));
        }
        return connection;
    }

    private javax.net.ssl.KeyManager[] ownKeys() throws Exception {
        if (!options.containsKey("certificate")) {
            return null;
        }
        KeyStore keys = KeyStore.getInstance("PKCS12");
        keys.load(null, null);
        keys.setKeyEntry("own", readKey("own-key"), new char[0],
            new X509Certificate[] {readCertificate("certificate")});
        KeyManagerFactory factory = KeyManagerFactory.getInstance("SunX509");
        factory.init(keys, new char[0]);
        return factory.getKeyManagers();
    }

    // Keys and files.

    /** The one that is in the file, or a new one that goes there. */
    private KeyPair makeKey() throws Exception {
        if (new java.io.File(options.get("key")).exists()) {
            try (PEMParser in = new PEMParser(new FileReader(options.get("key")))) {
                return new JcaPEMKeyConverter().setProvider("BC")
                    .getKeyPair((org.bouncycastle.openssl.PEMKeyPair) in.readObject());
            }
        }
        KeyPairGenerator generator = KeyPairGenerator.getInstance("EC", "BC");
        generator.initialize(new ECGenParameterSpec("secp256r1"));
        KeyPair made = generator.generateKeyPair();
        try (JcaPEMWriter out = new JcaPEMWriter(new FileWriter(options.get("key")))) {
            out.writeObject(made);
        }
        return made;
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
                .getKeyPair((org.bouncycastle.openssl.PEMKeyPair) in.readObject()).getPrivate();
        }
    }
}
